"""The single contract of what an Example holds: feature names, dtypes and shapes.

One Example is one image with all of its captions. Every room reads and writes features by these names.
This module imports nothing of the project and no framework.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

IMAGE_ENCODED = "image/encoded"
IMAGE_SHA256 = "image/sha256"
IMAGE_WIDTH = "image/width"
IMAGE_HEIGHT = "image/height"
IMAGE_FINGERPRINT = "image/fingerprint"
CAPTION_TEXT = "caption/text"
CAPTION_LANGUAGE = "caption/language"
CLASS_LABEL = "class/label"
RECORD_NAME = "record/name"
SPLIT = "split"

# bytes, (None,): the texts that class/label asks with, UTF-8. No file holds it: the Evaluator shows a model an Example
# of each class that has it and no captions, so that prompts are no part of data or model.
CLASS_TEXTS = "class/texts"

# What PairFilter's rejects hold beside FEATURES, as long as caption/text: the rule that dropped each caption, or its
# image, and what it found.
DROP_RULE = "drop/rule"
DROP_DETAIL = "drop/detail"

TRAIN_SPLIT = "train"
UNKNOWN_LANGUAGE = "und"  # BCP 47's tag for a language that was not stated
NO_LABEL = ""


@dataclass(frozen=True)
class Feature:
    """One feature of an Example.

    Attributes:
      name: key in the Example's feature map.
      dtype: "bytes" or "int64", as in tf.train.Feature.
      shape: () for exactly one value, (None,) for one or more.
      doc: what the value is, with its unit.
    """

    name: str
    dtype: Literal["bytes", "int64"]
    shape: tuple[int | None, ...]
    doc: str


FEATURES: tuple[Feature, ...] = (
    Feature(IMAGE_ENCODED, "bytes", (), "the image as encoded in its file; decodable by tf.io.decode_image"),
    Feature(IMAGE_SHA256, "bytes", (), "hex SHA-256 of image/encoded: the identity of an image"),
    Feature(IMAGE_WIDTH, "int64", (), "pixels of image/encoded, which EXIF turns no more"),
    Feature(IMAGE_HEIGHT, "int64", (), "pixels of image/encoded, which EXIF turns no more"),
    Feature(IMAGE_FINGERPRINT, "bytes", (), "what it shows, by image_fingerprint.py; none, or of another make: decode"),
    Feature(CAPTION_TEXT, "bytes", (None,), "captions, UTF-8, none empty, in the order of ingest.captions"),
    Feature(CAPTION_LANGUAGE, "bytes", (None,), "BCP 47 tag of each caption, or 'und'; as long as caption/text"),
    Feature(CLASS_LABEL, "bytes", (), "class for zero-shot evaluation as plain words, UTF-8, or empty"),
    Feature(RECORD_NAME, "bytes", (), "how messages name the record: its url, or '<file>#<name in file>'"),
    Feature(SPLIT, "bytes", (), "name of the split that the Example was written to"),
)
