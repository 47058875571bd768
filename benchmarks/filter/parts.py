"""Measures what the parts of the filter take on one core, without Beam."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import imagehash
import tensorflow as tf
from PIL import Image

from components import schema
from components.files import example_files
from components.pair_filter.copies.fingerprint import fingerprint
from components.pair_filter.counting.words import split_words

SAMPLE = 2000  # pairs


def parts_table(folder: Path, scratch: Path) -> str:
    """Returns milliseconds a pair of each part, as Markdown.

    Args:
      folder: of an Examples artifact.
      scratch: where to write; the file stays.
    """
    paths = sorted((folder / "Split-train").glob("*.gz"))
    stored = itertools.chain.from_iterable(example_files.read_payloads(str(path)) for path in paths)
    payloads: list[bytes] = []
    images: list[bytes] = []
    captions: list[str] = []

    def parse() -> None:
        for payload in payloads:
            features = tf.train.Example.FromString(payload).features.feature
            images.append(features[schema.IMAGE_ENCODED].bytes_list.value[0])
            captions.extend(text.decode() for text in features[schema.CAPTION_TEXT].bytes_list.value)

    def write() -> None:
        with example_files.writing(str(scratch / "part.gz"), str(scratch / "aside")) as keep:
            for payload in payloads:
                keep(payload)

    steps = {
        "read and unzip, which is done twice": lambda: payloads.extend(itertools.islice(stored, SAMPLE)),
        "parse, which is done once or twice": parse,
        "decode at reduced scale and hash": lambda: _each(fingerprint, images),
        "(imagehash.phash in its place, as the script has it)": lambda: _each(_plain_hash, images),
        "cut captions into words": lambda: _each(split_words, captions),
        "zip and write, if all were kept": write,
    }
    lines = ["| Part, on one core, without Beam | ms a pair |", "|---|---:|"]
    for name, step in steps.items():
        start = time.perf_counter()
        step()
        lines.append(f"| {name} | {1000 * (time.perf_counter() - start) / len(payloads):.3f} |")
    return "\n".join(lines)


def _each(function: Callable, values: Iterable) -> None:
    for value in values:
        function(value)


def _plain_hash(image: bytes) -> None:
    with Image.open(io.BytesIO(image)) as opened:
        imagehash.phash(opened)
