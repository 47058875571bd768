"""What is stored of one image with its captions: the features of schema.py."""

from __future__ import annotations

import hashlib

from components import schema
from components.files.tf_example import serialized
from components.image_fingerprint import written
from components.pair_example_gen.judging.images import Prepared
from components.pair_example_gen.judging.records import Captions


def to_example(picture: Prepared, captions: Captions, label: str, name: str, split: str) -> bytes:
    """Returns a serialized tf.train.Example of schema.FEATURES; the same pair gives the same bytes."""
    return serialized(
        {
            schema.IMAGE_ENCODED: [picture.encoded],
            schema.IMAGE_SHA256: [hashlib.sha256(picture.encoded).hexdigest().encode()],
            schema.IMAGE_WIDTH: [picture.width],
            schema.IMAGE_HEIGHT: [picture.height],
            schema.IMAGE_FINGERPRINT: [written(picture.fingerprint)],
            schema.CAPTION_TEXT: [caption.text.encode() for caption in captions.kept],
            schema.CAPTION_LANGUAGE: [caption.language.encode() for caption in captions.kept],
            schema.CLASS_LABEL: [label.encode()],
            schema.RECORD_NAME: [name.encode()],
            schema.SPLIT: [split.encode()],
        }
    )
