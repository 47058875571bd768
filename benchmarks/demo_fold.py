"""Judges settings of the demo without its test pictures: trains on two of the training artists, judges on the third.

Usage: python benchmarks/demo_fold.py [--artist google] [--output benchmarks/output-fold] [section.field=value ...]

A tenth of the training concepts, by family, is held out as well, so the splits mean what the demo's own mean: `seen` is
the third artist on concepts that training saw, `unseen` on those it did not. Prints Markdown; settings given at the end
override the preset `demo`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

from demo import make_anew, metrics_of, quality_table, run_demo

TRAIN_SHARDS = Path(__file__).resolve().parent.parent / "demo" / "shards" / "train"
HELD_OUT_ONE_IN = 10  # families, as in the demo
JUDGED_ANYWAY = "evaluation.min_metrics={}"  # thresholds are the demo's own, for other pictures


def split_of(meta: dict, artist: str) -> str | None:
    """Returns the split of a record, or None where the other artists drew a held-out concept."""
    number = int.from_bytes(hashlib.sha256(meta["family"].encode()).digest()[:8], "big")
    held_out = number % HELD_OUT_ONE_IN == 0
    if meta["artist"] == artist:
        return "unseen" if held_out else "seen"
    return None if held_out else "train"


def read_records(folder: Path) -> Iterator[list[tuple[tarfile.TarInfo, bytes]]]:
    """Yield the members of each record of the shards under a folder; the members of a record stand together."""
    for shard in sorted(folder.glob("*.tar.gz")):
        with tarfile.open(shard) as tar:
            record: list[tuple[tarfile.TarInfo, bytes]] = []
            for member in tar:
                if record and Path(member.name).stem != Path(record[0][0].name).stem:
                    yield record
                    record = []
                record.append((member, tar.extractfile(member).read()))  # type: ignore[union-attr]  # all are files
            yield record


def write_fold(artist: str, folder: Path) -> None:
    """Write one shard a split under `folder`, in the layout of the demo's own."""
    for split in ("train", "seen", "unseen"):
        (folder / split).mkdir(parents=True)
    tars = {split.name: tarfile.open(split / "00000.tar.gz", "w:gz") for split in folder.iterdir()}  # noqa: SIM115
    for record in read_records(TRAIN_SHARDS):
        meta = next(json.loads(content) for member, content in record if member.name.endswith(".json"))
        split = split_of(meta, artist)
        for member, content in record if split else ():
            member.size = len(content)
            tars[split].addfile(member, io.BytesIO(content))  # type: ignore[index]
    for tar in tars.values():
        tar.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--artist", choices=("google", "twitter", "openmoji"), default="google", help="who is judged on"
    )
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "output-fold")
    parser.add_argument("settings", nargs="*", help="such as training.steps=700")
    arguments = parser.parse_args()
    output = arguments.output.resolve()
    make_anew(output)
    write_fold(arguments.artist, output / "shards")
    settings = [f"ingest.shards={output / 'shards'}", JUDGED_ANYWAY, *arguments.settings]
    print(quality_table([metrics_of(run_demo(output, settings))]))


if __name__ == "__main__":
    main()
