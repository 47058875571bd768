"""clip-benchmark's side of retrieval_speed.py.

Started by retrieval_speed.py in the environment of harnesses/environments.py, with the folder of the embeddings. The
peer asks a model for embeddings: the model answers with the given ones, in batches of its default size.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.evaluation.peak import own_peak_bytes
from benchmarks.harnesses.clip_benchmark_asked import recalls
from benchmarks.shared.in_turn import serve


def main() -> None:
    folder = Path(sys.argv[1])
    images, captions = (np.load(folder / f"{name}.npy") for name in ("images", "captions"))
    about: dict = {}

    def call() -> None:
        about["recalls"] = recalls(images, captions)
        about["peak_bytes"] = own_peak_bytes()

    serve({"clip-benchmark": call}, about, warm_ups=1)


if __name__ == "__main__":
    main()
