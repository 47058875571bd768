"""Makes as many realistic pairs as asked, whose faults are known by construction: shards, or Examples.

Usage: .venv/bin/python -m benchmarks.pairs.make FOLDER [--pairs 20000] [--form tars|examples]
       [--images photos|stand-ins|none] [--max-captions 1] [--seed 0] [--workers 2]

Writes FOLDER/manifest.json, which says how many of each fault there are, and prints it. Pairs are made one at a time,
from the seed and their number, so any amount fits in memory.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from benchmarks.pairs.photos import Photos
from benchmarks.pairs.plan import Corpus
from benchmarks.pairs.stand_ins import NoImages, StandIns
from benchmarks.pairs.writing import MANIFEST_FILE, read_manifest, write_examples, write_tars

VERSION = 3  # of how pairs are made; a folder of another is not taken for the same
FORMS = {"tars": write_tars, "examples": write_examples}
IMAGES = {"photos": Photos, "stand-ins": StandIns, "none": NoImages}


def make(folder: Path, corpus: Corpus, form: str, images: str, pairs_per_file: int = 2500, workers: int = 2) -> dict:
    """Write a corpus into a new folder, or take what stands there where it is the same; returns the manifest."""
    wanted = {"version": VERSION, "form": form, "images": images, "pairs_per_file": pairs_per_file}
    marker = folder / "made.json"
    if (folder / MANIFEST_FILE).is_file() and marker.is_file():
        found = read_manifest(folder)
        if found["corpus"] == vars(corpus) and json.loads(marker.read_text(encoding="utf-8")) == wanted:
            return found
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"{folder} holds something else than these pairs; name a new folder, or remove that one")
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # for TensorFlow in the processes that write Examples
    os.environ.setdefault("PYTHONWARNINGS", "ignore::FutureWarning")  # for Google's libraries there
    manifest = FORMS[form](corpus, IMAGES[images], folder, pairs_per_file, workers)
    marker.write_text(json.dumps(wanted), encoding="utf-8")
    return manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--form", choices=FORMS, default="tars")
    parser.add_argument("--images", choices=IMAGES, default="photos", help="stand-ins: few, small; none: texts alone")
    parser.add_argument("--max-captions", type=int, default=1, help="of a plain pair")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs-per-file", type=int, default=2500)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    corpus = Corpus(arguments.seed, arguments.pairs, arguments.max_captions)
    manifest = make(
        arguments.folder, corpus, arguments.form, arguments.images, arguments.pairs_per_file, arguments.workers
    )
    print(json.dumps(manifest, indent=2))


if __name__ == "__main__":
    main()
