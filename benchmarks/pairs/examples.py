"""A made-up pair as a serialized Example, and the artifact that files of them make up."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from benchmarks.pairs.encoded import Encoded
from benchmarks.pairs.plan import Pair
from components import schema
from components.image_fingerprint import written
from components.pair_filter.copies.fingerprint import fingerprint


def to_example(pair: Pair, image: Encoded) -> bytes:
    """Returns a pair as the Example that ingest would make of it."""
    values: dict[str, list] = {
        schema.IMAGE_ENCODED: [image.content],
        schema.IMAGE_SHA256: [hashlib.sha256(image.content).hexdigest().encode()],
        schema.IMAGE_WIDTH: [image.width],
        schema.IMAGE_HEIGHT: [image.height],
        schema.IMAGE_FINGERPRINT: [written(fingerprint(image.content))],
        schema.CAPTION_TEXT: [text.strip().encode() for text, _ in pair.captions],
        schema.CAPTION_LANGUAGE: [tag.encode() for _, tag in pair.captions],
        schema.CLASS_LABEL: [schema.NO_LABEL.encode()],
        schema.RECORD_NAME: [f"{pair.number:09d}".encode()],
        schema.SPLIT: [pair.split.encode()],
    }
    example = tf.train.Example()
    for feature in schema.FEATURES:
        target = example.features.feature[feature.name]
        kind = target.bytes_list if feature.dtype == "bytes" else target.int64_list
        kind.value.extend(values[feature.name])
    return example.SerializeToString(deterministic=True)


def as_artifact(folder: Path, splits: Sequence[str]):
    """Returns the Examples artifact whose files stand in a folder."""
    from tfx.types import standard_artifacts

    from components import example_artifacts

    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    example_artifacts.describe(artifact, splits)
    return artifact
