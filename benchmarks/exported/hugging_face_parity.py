"""How far our embeddings are from transformers' AlignModel at the size of kakaobrain/align-base, there and back.

Usage: .venv/bin/python -m benchmarks.exported.hugging_face_parity --peer PYTHON [--size b7-base]
       [--folder build/hugging_face]

PYTHON is an interpreter with torch 2.13.0, transformers 5.20.2 and pillow. It makes a model of random weights and its
answers to the images and texts of the tests' fixture; `align import-hf` reads it, its SavedModel answers the same,
`align export-hf` writes it again, and PYTHON loads that. Needs 8 GB of memory and 5 GB of disk at b7-base.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.shared.checkout import ROOT
from serving.encoders.saved_model import SavedModelEncoder

FIXTURE = ROOT / "tests" / "models" / "hugging_face" / "fixture"
LIMIT = 1e-4  # of a unit vector's values: what is promised


def main() -> int:
    """Returns the exit status: 1 where a value differs by more than LIMIT."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, help="interpreter with torch, transformers and pillow")
    parser.add_argument("--size", default="b7-base", help="a size of tests/models/hugging_face/fixture/make.py")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "hugging_face")
    asked = parser.parse_args()
    shutil.rmtree(asked.folder, ignore_errors=True)
    asked.folder.mkdir(parents=True)
    made, ours, theirs = asked.folder / "made", asked.folder / "ours", asked.folder / "theirs"
    align = [sys.executable, "-m", "tfx_pipeline.cli"]
    timed("transformers makes a model and answers", asked.peer, FIXTURE / "make.py", made, asked.size)
    timed("align import-hf", *align, "import-hf", made / "model", "--to", ours)
    differences = compare(ours / "servable" / "1", made)
    for name, difference in differences.items():
        print(f"{name}: at most {difference:.2g} of a unit vector's value")
    timed("align export-hf", *align, "export-hf", ours, "--to", theirs)
    checked = subprocess.run([asked.peer, FIXTURE / "check_export.py", theirs, made], check=False)
    return 1 if checked.returncode or max(differences.values()) > LIMIT else 0


def timed(what: str, *command: str | Path) -> None:
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print(f"{what}: {time.monotonic() - began:.0f} s", flush=True)


def compare(servable: Path, made: Path) -> dict[str, float]:
    """Returns the largest difference over all images, one by name, and over all texts."""
    answers = np.load(made / "answers.npz")
    encoder = SavedModelEncoder(servable)
    found = {}
    for path, expected in zip(sorted((made / "images").iterdir()), answers["image_embeds"], strict=True):
        found[path.name] = float(np.abs(encoder.encode_image([path.read_bytes()])[0] - expected).max())
    texts = json.loads((made / "texts.json").read_text(encoding="utf-8"))
    found["texts"] = float(np.abs(encoder.encode_text(texts) - answers["text_embeds"]).max())
    return found


if __name__ == "__main__":
    sys.exit(main())
