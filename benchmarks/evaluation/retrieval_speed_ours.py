"""Our side of retrieval_speed.py.

Started by retrieval_speed.py, with the folder of the embeddings.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.evaluation.peak import own_peak_bytes
from benchmarks.shared.in_turn import serve
from components.evaluator.metrics.ranked import RECALL_AT
from components.evaluator.metrics.retrieval import retrieval_metrics


def main() -> None:
    folder = Path(sys.argv[1])
    images, captions = (np.load(folder / f"{name}.npy") for name in ("images", "captions"))
    caption_count = np.full(len(images), len(captions) // len(images))
    about: dict = {}

    def call() -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        metrics = retrieval_metrics(images, captions, caption_count, ties="index")
        about["recalls"] = {f"{way}@{k}": metrics[f"{way}_recall_at_{k}"] for way in ("i2t", "t2i") for k in RECALL_AT}
        about["first"] = (time.perf_counter() - wall, time.process_time() - cpu)
        about["peak_bytes"] = own_peak_bytes()

    serve({"ours": call}, about, warm_ups=1)


if __name__ == "__main__":
    main()
