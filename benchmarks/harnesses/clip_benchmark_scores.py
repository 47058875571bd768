"""What clip-benchmark says of the embeddings in a folder.

Started by compare.py in the environment of environments.py, with the folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.harnesses.clip_benchmark_asked import accuracies, recalls


def main() -> None:
    folder = Path(sys.argv[1])
    told = recalls(np.load(folder / "images.npy"), np.load(folder / "captions.npy"))
    labelled = np.load(folder / "labelled.npz")
    told |= accuracies(labelled["images"], labelled["labels"], labelled["classes"])
    print(json.dumps(told))


if __name__ == "__main__":
    main()
