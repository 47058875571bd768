"""Whether our reader of TensorFlow Datasets' files sees what TensorFlow Datasets sees, in sets that it writes itself.

Usage: .venv/bin/python -m benchmarks.evaluation.tfds_files

`uv` makes the package's environment aside at first use (400 MB). Exits with 1 where an image, a feature or a label of
VTAB differs.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.shared.checkout import ROOT
from components.evaluator.datasets.published import vtab
from components.evaluator.datasets.published.tfds_folder import TfdsFolder, newest_version

PACKAGES = ("tensorflow-datasets==4.9.9", "tensorflow-cpu==2.16.2")
WRITER = "benchmarks.evaluation.tfds_writer"


def write(folder: Path) -> None:
    """Have TFDS write its sets into a folder, with what it reads from them; raises RuntimeError with its last words."""
    uv = [str(ROOT / "scripts" / "uv"), "run", "--quiet", "--no-config", "--no-project", "--python", sys.executable]
    packages = [word for package in PACKAGES for word in ("--with", package)]
    command = [*uv, *packages, "python", "-m", WRITER, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")


def differences(folder: Path) -> list[str]:
    """Returns a line for each part of a set, with how many of its Examples we read otherwise."""
    lines = []
    for path in sorted(folder.glob("*.npz")):
        theirs = np.load(path)
        name, split, start, stop = path.stem.split("-")
        data = TfdsFolder(newest_version(folder / name))
        ours = {}
        for record, features in data.read(split, int(start), int(stop)):
            pixels = np.asarray(Image.open(io.BytesIO(vtab.RecordPicture(record, vtab.as_is)())))
            ours[int(features.integers("id")[0])] = (
                pixels.reshape(*pixels.shape[:2], -1),
                vtab.counted_objects(features),
                vtab.distance_of_objects(features),
                vtab.distance_of_vehicles(features),
                vtab.label_in("label", of=2.5)(features),
            )
        keys = ("image", "count", "objects", "vehicles", "grouped")
        wrong = sum(
            id not in ours or not all(map(np.array_equal, ours[id], (theirs[key][row] for key in keys)))
            for row, id in enumerate(theirs["id"].tolist())
        )
        wrong += len({*ours} - {*theirs["id"].tolist()})
        lines.append(f"{name} {split}[{start}:{stop}]: {len(theirs['id'])} Examples, {wrong} differ")
    return lines


def main() -> int:
    """Print the comparison; returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        lines = differences(Path(folder))
    print("\n".join(lines))
    return int(not lines or not all(line.endswith(" 0 differ") for line in lines))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    sys.exit(main())
