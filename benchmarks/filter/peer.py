"""The plain script that the filter is measured against: PIL, imagehash and Counters in one process.

Usage: .venv/bin/python -m benchmarks.filter.peer JOB

JOB is a file that holds a `PeerJob` as JSON. Imports what it needs and no more, TensorFlow only to read Examples.

It applies the same rules to the same records and writes what is kept in the form that it came in. It is spared what the
component has to do beside: no part of the corpus but the images is left out of memory, no sample of what was dropped is
shown, and each caption is cut into words once.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import tarfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import imagehash
import numpy as np
from PIL import Image

from components.pair_filter.counting.words import split_words
from components.pair_filter.judging.rules import same_caption

RESULT = "RESULT "


@dataclass(frozen=True)
class PeerJob:
    """One run.

    Attributes:
      form: "tars" or "examples".
      pairs: folder to read.
      output: folder to write to.
      config: a FilterConfig as a mapping.
    """

    form: str
    pairs: str
    output: str
    config: dict


class Item(NamedTuple):
    """A record as it is read; `raw` is what is written where it is kept whole."""

    sha256: str
    size: tuple[int, int]
    image: bytes
    captions: list[str]
    raw: Any


class Facts(NamedTuple):
    """What is remembered of a record: identity of its image, the rule that its size breaks, captions, hash.

    A caption is its text, the form in which it is compared, and its words.
    """

    sha256: str
    dropped: str
    captions: list[tuple[str, str, list[str]]]
    hash: np.ndarray | None


def read_tar(path: Path) -> Iterator[Item]:
    """Yield the records of a tar shard that are whole."""
    with tarfile.open(path) as tar:
        members: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
        key = ""
        for member in [*tar, None]:
            stem, _, extension = member.name.partition(".") if member else ("", "", "")
            if stem != key:
                if members:
                    yield from _item(members)
                members, key = {}, stem
            if member:
                members[extension] = member, tar.extractfile(member).read()  # type: ignore[union-attr]


def _item(members: dict[str, tuple[tarfile.TarInfo, bytes]]) -> Iterator[Item]:
    try:
        image = next(content for extension, (_, content) in members.items() if extension in ("jpg", "png"))
        metadata = json.loads(members["json"][1])
        size = Image.open(io.BytesIO(image)).size
    except (StopIteration, ValueError, OSError):
        return
    if metadata["captions"]:
        yield Item(metadata["sha256"], size, image, metadata["captions"], members)


def read_examples(path: Path) -> Iterator[Item]:
    """Yield the records of a file of Examples."""
    import tensorflow as tf

    batches = tf.data.TFRecordDataset(str(path), compression_type="GZIP").batch(16)
    for payload in itertools.chain.from_iterable(batches.as_numpy_iterator()):
        example = tf.train.Example.FromString(payload)
        features = example.features.feature
        yield Item(
            features["image/sha256"].bytes_list.value[0].decode(),
            (features["image/width"].int64_list.value[0], features["image/height"].int64_list.value[0]),
            features["image/encoded"].bytes_list.value[0],
            [text.decode() for text in features["caption/text"].bytes_list.value],
            (payload, example),
        )


def write_tar(path: Path, kept: Iterator[tuple[Item, list[int]]]) -> None:
    """Write records with the captions that are left."""
    with tarfile.open(path, "w") as tar:
        for item, left in kept:
            members = dict(item.raw)
            if len(left) < len(item.captions):
                texts = [item.captions[place] for place in left]
                metadata = {**json.loads(members["json"][1]), "captions": texts, "caption": texts[0]}
                members["txt"] = members["txt"][0], texts[0].encode()
                members["json"] = members["json"][0], json.dumps(metadata, ensure_ascii=False).encode()
            for info, content in members.values():
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))


def write_examples(path: Path, kept: Iterator[tuple[Item, list[int]]]) -> None:
    """Write records with the captions that are left."""
    import tensorflow as tf

    stored = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)  # images do not deflate
    with tf.io.TFRecordWriter(str(path), options=stored) as writer:
        for item, left in kept:
            payload, example = item.raw
            if len(left) < len(item.captions):
                for name in ("caption/text", "caption/language"):
                    values = example.features.feature[name].bytes_list.value
                    values[:] = [values[place] for place in left]
                payload = example.SerializeToString()
            writer.write(payload)


FORMS = {  # form -> pattern of the files of a split, how they are read, how they are written
    "tars": ("{split}/*.tar", read_tar, write_tar),
    "examples": ("Split-{split}/*.gz", read_examples, write_examples),
}


def perceptual_hash(image: bytes) -> np.ndarray | None:
    """Returns the 64 bits of imagehash's hash, or None where the image is damaged."""
    try:
        with Image.open(io.BytesIO(image)) as opened:
            return imagehash.phash(opened).hash.ravel()
    except OSError:
        return None


def filter_pairs(job: PeerJob) -> dict:
    """Filter the train split against the split seen; returns counts: fate -> number, of images and of captions."""
    config = job.config
    pattern, read, write = FORMS[job.form]
    paths = {split: sorted(Path(job.pairs).glob(pattern.format(split=split))) for split in ("train", "seen")}
    judged_sha, judged_hashes = set(), []
    for path in paths["seen"] if config["drop_evaluation_images"] else ():
        for item in read(path):
            judged_sha.add(item.sha256)
            judged_hashes.append(perceptual_hash(item.image))
    judged = np.array([bits for bits in judged_hashes if bits is not None])

    facts: list[Facts] = []
    captions_of, images_of = defaultdict(set), defaultdict(set)
    ngrams: Counter[str] = Counter()
    for path in paths["train"]:
        for item in read(path):
            shorter, longer = sorted(item.size)
            dropped = ""
            if shorter <= config["shorter_side_above_px"]:
                dropped = "shorter_side"
            elif longer > config["max_aspect_ratio"] * shorter:
                dropped = "aspect_ratio"
            compared = config["drop_evaluation_images"] and not dropped
            captions = []
            for text in item.captions:
                words = split_words(text)
                same = same_caption(text)
                captions.append((text, same, words))
                captions_of[item.sha256].add(same)
                images_of[same].add(item.sha256)
                ngrams.update(words)
                ngrams.update([f"{one} {other}" for one, other in itertools.pairwise(words)])
            facts.append(Facts(item.sha256, dropped, captions, perceptual_hash(item.image) if compared else None))

    ranked = ngrams.most_common(config["frequent_ngrams"])
    cut_off = ranked[-1][1] if ranked else 0
    counts: Counter[str] = Counter()
    places = []  # of the captions that are left, one list a record
    for one in facts:
        dropped = one.dropped
        if not dropped and len(captions_of[one.sha256]) > config["max_captions_per_image"]:
            dropped = "captions_per_image"
        if not dropped and one.hash is not None:
            near = len(judged) and (judged != one.hash).sum(1).min() <= config["max_hash_distance"]
            if near or one.sha256 in judged_sha:
                dropped = "evaluation_image"
        left = []
        for place, (_, same, words) in enumerate(one.captions if not dropped else ()):
            if len(images_of[same]) > config["max_images_per_caption"]:
                counts["captions images_per_caption"] += 1
            elif len(words) < config["min_words"]:
                counts["captions too_few_words"] += 1
            elif len(words) > config["max_words"]:
                counts["captions too_many_words"] += 1
            elif any(ngrams[word] < cut_off for word in words) or any(
                ngrams[f"{one} {other}"] < cut_off for one, other in itertools.pairwise(words)
            ):
                counts["captions rare_ngram"] += 1
            else:
                left.append(place)
        counts["captions kept"] += len(left)
        counts[f"images {dropped or ('kept' if left else 'no_caption_left')}"] += 1
        places.append(left)

    left_of = iter(places)
    for path in paths["train"]:
        target = Path(job.output) / path.relative_to(job.pairs)
        target.parent.mkdir(parents=True, exist_ok=True)
        write(target, ((item, left) for item in read(path) if (left := next(left_of))))
    (Path(job.output) / "report.json").write_text(json.dumps(counts), encoding="utf-8")
    return dict(counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=Path)
    job = PeerJob(**json.loads(parser.parse_args().job.read_text(encoding="utf-8")))
    if job.form == "examples":
        import tensorflow as tf  # noqa: F401 - loaded before the clock starts
    start, start_cpu = time.perf_counter(), time.process_time()
    counts = filter_pairs(job)
    seconds = {"run_s": time.perf_counter() - start, "cpu_s": time.process_time() - start_cpu}
    print(RESULT + json.dumps({**seconds, "counts": counts}))


if __name__ == "__main__":
    main()
