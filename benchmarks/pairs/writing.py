"""Writes a corpus as img2dataset's tar shards or as files of Examples, and counts what was planted."""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.pairs.encoded import Encoded
from benchmarks.pairs.plan import EVALUATION_SPLIT, TRAIN_SPLIT, Corpus, Pair

SPLITS = (TRAIN_SPLIT, EVALUATION_SPLIT)
MANIFEST_FILE = "manifest.json"
_UNUSED = b"cut off here"


class Draws(Protocol):
    """Draws the image of a pair, undamaged."""

    def draw(self, pair: Pair) -> Encoded: ...


@dataclass(frozen=True)
class Job:
    """One file a split, of the pairs from `first` to before `last`.

    Attributes:
      paths: split -> file to write.
    """

    corpus: Corpus
    make_draws: Callable[[Corpus], Draws]
    first: int
    last: int
    paths: Mapping[str, Path]


def write_tars(
    corpus: Corpus, make_draws: Callable[[Corpus], Draws], folder: Path, pairs_per_file: int = 5000, workers: int = 1
) -> dict:
    """Write `folder`/{train,seen}/NNNNN.tar; returns the manifest, which is written beside them.

    Each pair is an image, a .txt with its first caption and a .json with all of them, and perhaps damaged.
    """
    return _write(corpus, make_draws, folder, "{split}/{index:05d}.tar", _write_tar, pairs_per_file, workers)


def write_examples(
    corpus: Corpus, make_draws: Callable[[Corpus], Draws], folder: Path, pairs_per_file: int = 5000, workers: int = 1
) -> dict:
    """Write `folder`/Split-{train,seen}/data_tfrecord-*.gz as an Examples artifact has them; returns the manifest.

    Damaged pairs, which ingest would have refused, are left out.
    """
    name = "Split-{split}/data_tfrecord-{index:05d}-of-{count:05d}.gz"
    return _write(corpus, make_draws, folder, name, _write_examples, pairs_per_file, workers)


def read_manifest(folder: Path) -> dict:
    """Returns what `write_tars` or `write_examples` returned."""
    return json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))


def _write(
    corpus: Corpus,
    make_draws: Callable[[Corpus], Draws],
    folder: Path,
    name: str,
    write: Callable[[Job], Counter],
    pairs_per_file: int,
    workers: int,
) -> dict:
    starts = range(0, corpus.pairs, pairs_per_file)
    jobs = []
    for index, first in enumerate(starts):
        paths = {split: folder / name.format(split=split, index=index, count=len(starts)) for split in SPLITS}
        jobs.append(Job(corpus, make_draws, first, min(first + pairs_per_file, corpus.pairs), paths))
    for path in jobs[0].paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
    counts: Counter = Counter()
    if workers == 1:
        parts = map(write, jobs)
        for part in parts:
            counts.update(part)
    else:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for part in pool.imap(write, jobs):
                counts.update(part)
    manifest = {"corpus": asdict(corpus), **_nest(counts)}
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return manifest


def _nest(counts: Counter) -> dict[str, dict[str, int]]:
    """Returns {"roles": {role: pairs}, "damages": {damage: pairs}, "pairs": {split: n}, "captions": {split: n}}."""
    nested: dict[str, dict[str, int]] = {"roles": {}, "damages": {}, "pairs": {}, "captions": {}}
    for (kind, key), number in sorted(counts.items()):
        nested[kind][key] = number
    return nested


def _count(pair: Pair, counts: Counter) -> None:
    """Count a pair's role, and its damage; only what is not damaged counts as a pair of its split."""
    counts["roles", pair.role] += 1
    if pair.damage:
        counts["damages", pair.damage] += 1
    else:
        counts["pairs", pair.split] += 1
        counts["captions", pair.split] += len(pair.captions)


def _write_tar(job: Job) -> Counter:
    counts: Counter = Counter()
    draws = job.make_draws(job.corpus)
    tars = {split: tarfile.open(path, "w") for split, path in job.paths.items()}  # noqa: SIM115
    for number in range(job.first, job.last):
        pair = job.corpus.pair(number)
        _count(pair, counts)
        for extension, content in _members(pair, draws.draw(pair)):
            info = tarfile.TarInfo(f"{number:09d}.{extension}")
            info.size = len(content)
            tars[pair.split].addfile(info, io.BytesIO(content))
    for tar in tars.values():
        tar.close()
    return counts


def _members(pair: Pair, image: Encoded) -> Iterator[tuple[str, bytes]]:
    """Yield the extension and content of each file of a pair, damaged as it is to be."""
    texts = [] if pair.damage == "no_caption" else [text for text, _ in pair.captions]
    content = image.content
    if pair.damage == "truncated_image":
        content = content[: len(content) // 3]
    if pair.damage != "no_image":
        yield image.extension, content
    if texts:
        yield "txt", texts[0].encode()
    metadata = {
        "key": f"{pair.number:09d}",
        "url": f"https://images.example/{pair.number}.{image.extension}",
        "status": "success",
        "caption": texts[0] if texts else None,
        "captions": texts,
        "width": image.width,
        "height": image.height,
        "sha256": hashlib.sha256(image.content).hexdigest(),
    }
    encoded = json.dumps(metadata, ensure_ascii=False).encode()
    yield "json", encoded[: len(encoded) // 2] + _UNUSED if pair.damage == "bad_json" else encoded


def _write_examples(job: Job) -> Counter:
    import tensorflow as tf  # seconds, which what writes tars need not wait for

    from benchmarks.pairs.examples import to_example

    counts: Counter = Counter()
    draws = job.make_draws(job.corpus)
    stored = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)  # as ingest writes them
    writers = {split: tf.io.TFRecordWriter(str(path), options=stored) for split, path in job.paths.items()}
    for number in range(job.first, job.last):
        pair = job.corpus.pair(number)
        _count(pair, counts)
        if not pair.damage:
            writers[pair.split].write(to_example(pair, draws.draw(pair)))
    for writer in writers.values():
        writer.close()
    return counts
