"""Feeds seeded damage to the readers of every format and prints what each damaged pair was counted as.

Usage: .venv/bin/python -m benchmarks.data.mutated_records [--files 10000]

Each case is a file of one format with three pairs, damaged in one way (`damaged_files.py`). It fails where anything but
a count comes out, where read is not kept and dropped together, or where the other pairs of the file are harmed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.data.damaged_files import FILE_DAMAGES, PAIRS, Layout, make
from components.counts import CAPTIONS, IMAGES, Counts
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.passes.ingest_pass import Ingest
from components.pair_example_gen.passes.training_decoder import decode_as_training_does
from components.pair_example_gen.tasks import Source, Task

BY_LINE = ("csv", "tsv", "tfrecord")  # cut between two records these are whole files
_IMAGE = {reasons.IMAGE_NOT_DECODABLE, reasons.IMAGE_FORMAT_NOT_SUPPORTED, reasons.IMAGE_TOO_LARGE, reasons.NO_IMAGE}

# Damage -> what may become of the damaged pair; "" is kept, which some formats allow: a CSV has no types, a Parquet
# file no names. Every other damage may end anyhow that has a name.
EXPECTED = {
    "none": {""},
    "truncated image": _IMAGE,
    "wrong magic": _IMAGE,
    "flipped bytes of the image": {"", *_IMAGE},
    "image bomb": {reasons.IMAGE_NOT_DECODABLE, reasons.IMAGE_TOO_LARGE},
    "path traversal": {"", reasons.UNSAFE_NAME, reasons.IMAGE_PATH_OUTSIDE},
    "record twice": {"", reasons.DUPLICATE_KEY},
    "JSON key twice": {"", reasons.DUPLICATE_KEY},
    "null caption": {reasons.NO_CAPTION},
    "caption not UTF-8": {reasons.NO_CAPTION, reasons.METADATA_NOT_JSON},
    "caption of a wrong type": {"", reasons.NO_CAPTION},
    "NaN as caption and size": {"", reasons.NO_CAPTION},
}


def ingest(layout: Layout, path: Path) -> Counts:
    """Returns the counts of one file, as a worker of PairExampleGen makes them."""
    folder = path.parent
    options = {"captions": {"caption": "en"}} if layout.format == "tar" else {}
    shares = {} if layout.format == "karpathy" else {"train": 1}
    config = IngestConfig(shards=str(folder), format=layout.format, hash_split=shares, **options)  # type: ignore[arg-type]
    outputs = {split: str(folder / "out" / split) for split in config.split_names}
    task = Task(Source(str(path), path.stat().st_size), path.name, outputs, dict.fromkeys(outputs, 1))
    worker = Ingest(config, str(folder / "aside"), decode_as_training_does)
    return worker.ingest(task, worker.read(task))


def check(counts: Counts, damage: str, layout: Layout) -> Counter:
    """Returns fate -> images and captions of one case.

    Raises:
      ValueError: where the counts do not balance, or are not what the damage allows.
    """
    fates: Counter = Counter()
    for kind in (IMAGES, CAPTIONS):
        for split in {split for split, _ in counts.read}:
            tally = counts.tally(split, kind)  # raises where it does not balance
            fates.update({reason: number for reason, number in tally.dropped.items() if number})
            fates[f"{kind} read"] += tally.read
            fates[f"{kind} kept"] += tally.kept
    if damage in EXPECTED:
        image_reasons = {reason for (_, kind, reason), number in counts.dropped.items() if kind == IMAGES and number}
        harmed = 2 if damage == "record twice" else 1  # neither of two pairs of one name can be told
        if fates["images read"] != PAIRS or fates["images kept"] < PAIRS - harmed:
            raise ValueError(f"{damage} of one pair of {PAIRS}: {dict(fates)}; the other pairs must be kept")
        if not (image_reasons or {""}) <= EXPECTED[damage]:
            raise ValueError(f"{damage}: counted as {image_reasons or 'kept'}; it must be one of {EXPECTED[damage]}")
    if damage == "truncated file" and layout.format not in BY_LINE:
        lost = sum(number for (_, kind, _), number in counts.dropped.items() if kind == IMAGES)
        if fates["images kept"] < PAIRS and not lost:
            raise ValueError(f"{damage}: {dict(fates)}; what is lost must be counted")
    return fates


def run(numbers: range) -> dict[str, Counter]:
    """Returns damage -> fate -> images and captions, over the cases of these numbers."""
    found: dict[str, Counter] = {}
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            layout, damage, path = make(number, Path(folder))
            try:
                fates = check(ingest(layout, path), damage, layout)
            except Exception as error:
                raise RuntimeError(f"case {number} ({layout.format}, {path.name}, {damage}) failed") from error
        row = found.setdefault(damage, Counter())
        row.update({"files": 1, **fates})
    return found


def main() -> None:
    """Run the cases and print what became of them by damage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000, help="damaged files")
    files = parser.parse_args().files
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    found = run(range(files))
    rows = sorted(found.items(), key=lambda item: (item[0] in FILE_DAMAGES, item[0]))
    for damage, row in [*rows, ("in all", sum(found.values(), Counter()))]:
        head = f"{damage:28} {row.pop('files'):5} files, {row.pop('images read'):5} images: "
        fates = [f"{fate} {count}" for fate, count in row.most_common() if count and not fate.startswith(CAPTIONS)]
        print(head + ", ".join(fates))
    print(f"{files} files: none crashed, all balance, and no pair that is damaged in itself harmed another")


if __name__ == "__main__":
    main()
