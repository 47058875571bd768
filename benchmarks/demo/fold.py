"""Judges settings of the demo without its test pictures: trains on some of the training artists, judges on another.

Usage: .venv/bin/python -m benchmarks.demo.fold [--artist twitter] [--seeds 2] [--without noto-mono ...]
       [section.field=value ...]

A tenth of the training concepts, by family, is held out as well, so the splits mean what the demo's own mean: `seen` is
the judged artist on concepts that training saw, `unseen` on those it did not. Who draws with the judged artist's hand
(an earlier version, a black-and-white one) trains no more than that artist does. Prints Markdown; settings given at the
end override the preset `demo`. A second call on the same artists and shards takes the data components from the cache.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path

from benchmarks.demo.quality import make_anew, metrics_of, quality_table, run_demo
from benchmarks.shared.checkout import OUTPUT, ROOT

TRAIN_SHARDS = ROOT / "demo" / "shards" / "train"
HANDS = (  # artists whose drawings are kin
    ("google", "noto-v1", "noto-mono"),
    ("twitter",),
    ("openmoji",),
    ("emojione", "emojione-v1"),
    ("fxemoji",),
    ("streamline-emojis",),
)
ARTISTS = tuple(artist for hand in HANDS for artist in hand)
HELD_OUT_ONE_IN = 10  # families, as in the demo
JUDGED_ANYWAY = "evaluation.min_metrics={}"  # thresholds are the demo's own, for other pictures


def split_of(meta: dict, judged: str, left_out: Collection[str] = ()) -> str | None:
    """Returns the split of a record, or None where another artist drew a held-out concept or does not train."""
    number = int.from_bytes(hashlib.sha256(meta["family"].encode()).digest()[:8], "big")
    held_out = number % HELD_OUT_ONE_IN == 0
    if meta["artist"] == judged:
        return "unseen" if held_out else "seen"
    kin = next(hand for hand in HANDS if judged in hand)
    return None if held_out or meta["artist"] in (*kin, *left_out) else "train"


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


def write_fold(judged: str, left_out: Collection[str], folder: Path) -> None:
    """Write one shard a split under `folder`, in the layout of the demo's own."""
    for split in ("train", "seen", "unseen"):
        (folder / split).mkdir(parents=True)
    tars = {split.name: tarfile.open(split / "00000.tar.gz", "w:gz") for split in folder.iterdir()}  # noqa: SIM115
    for record in read_records(TRAIN_SHARDS):
        meta = next(json.loads(content) for member, content in record if member.name.endswith(".json"))
        split = split_of(meta, judged, left_out)
        for member, content in record if split else ():
            member.size = len(content)
            tars[split].addfile(member, io.BytesIO(content))  # type: ignore[index]
    for tar in tars.values():
        tar.close()


def fold_print(judged: str, left_out: Collection[str]) -> str:
    """Returns what tells a fold from another: who is judged, who is left out, which shards."""
    told = hashlib.sha256(repr((judged, sorted(left_out))).encode())
    for shard in sorted(TRAIN_SHARDS.glob("*.tar.gz")):
        told.update(shard.read_bytes())
    return f"{judged}-{told.hexdigest()[:8]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artist", choices=ARTISTS, default="twitter", help="who is judged on")
    parser.add_argument("--without", choices=ARTISTS, action="append", default=[], help="who does not train either")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, from 0")
    parser.add_argument("--output", type=Path, default=OUTPUT / "output-fold")
    parser.add_argument("settings", nargs="*", help="such as training.steps=700")
    arguments = parser.parse_args()
    output = arguments.output.resolve() / fold_print(arguments.artist, arguments.without)
    shards = output / "shards"
    if not shards.is_dir():
        make_anew(output)
        aside = output / "shards.partial"
        write_fold(arguments.artist, arguments.without, aside)
        aside.rename(shards)
    settings = [f"ingest.shards={shards}", JUDGED_ANYWAY, *arguments.settings]
    records = [run_demo(output, [*settings, f"training.seed={seed}"]) for seed in range(arguments.seeds)]
    print(f"\njudged on {arguments.artist}, {' '.join(arguments.settings) or 'settings of the demo'}\n")
    print(quality_table([metrics_of(record) for record in records]))


if __name__ == "__main__":
    main()
