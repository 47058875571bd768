"""Examples whose picture and captions are embeddings, and a SavedModel that gives these back: judging costs no model.

An image is a random unit vector, each of its captions that vector with noise, so that some are found and some are not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from components import schema
from components.files import example_files
from components.files.tf_example import Example
from serving import signatures

SPLIT = "validation"
NOISE = 0.21  # a caption's vector is that of its image and in each dimension normal noise of so much
BLOCK = 500  # images drawn from one seed
CLASSES = 10
LANGUAGES = ("de", "en", "zh")


class Size(NamedTuple):
    """How many images, captions of each, dimensions and files."""

    images: int
    captions_each: int
    dimensions: int
    files: int


def embeddings(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Returns [N, D] of images and [M, D] of their captions, the captions of image 0 first; float32 of unit length."""
    parts = [_block(size, first) for first in range(0, size.images, BLOCK)]
    images, captions = (np.concatenate(part) for part in zip(*parts, strict=True))
    return images, captions


def _block(size: Size, first: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(first)
    rows = min(BLOCK, size.images - first)
    images = _unit(chance.normal(size=(rows, size.dimensions)))
    noise = chance.normal(size=(rows * size.captions_each, size.dimensions)) * NOISE
    return images, _unit(np.repeat(images, size.captions_each, axis=0) + noise)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def write_examples(size: Size, folder: Path) -> None:
    """Write an Examples artifact of one split, SPLIT; image i is in file i * files // images."""
    split = folder / f"Split-{SPLIT}"
    first = [size.images * file // size.files for file in range(size.files + 1)]
    examples = _examples(size)
    for file in range(size.files):
        path = split / example_files.file_name(file, size.files)
        with example_files.writing(str(path), str(folder / ".aside")) as write:
            for _ in range(first[file], first[file + 1]):
                write(next(examples))


def _examples(size: Size) -> Iterator[bytes]:
    for start in range(0, size.images, BLOCK):
        images, captions = _block(size, start)
        for row, image in enumerate(images):
            number = start + row
            own = captions[row * size.captions_each : (row + 1) * size.captions_each]
            languages = [LANGUAGES[(number + each) % len(LANGUAGES)].encode() for each in range(len(own))]
            example = Example()
            for name, values in {
                schema.IMAGE_ENCODED: [image.tobytes()],
                schema.CAPTION_TEXT: [caption.tobytes() for caption in own],
                schema.CAPTION_LANGUAGE: languages,
                schema.CLASS_LABEL: [f"class {number % CLASSES}".encode()],
                schema.RECORD_NAME: [f"https://{number % 3}.example.org/{number}.jpg".encode()],
                schema.SPLIT: [SPLIT.encode()],
            }.items():
                example.features.feature[name].bytes_list.value.extend(values)
            yield example.SerializeToString()


def save_model(dimensions: int, folder: Path) -> None:
    """Write the SavedModel; what asks for a class gets the first unit vectors by turns."""

    class GivesBack(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, signatures.EXAMPLES)])
        def evaluate(self, examples):
            parsed = tf.io.parse_example(
                examples,
                {
                    schema.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string),
                    schema.CAPTION_TEXT: tf.io.RaggedFeature(tf.string),
                    schema.CLASS_LABEL: tf.io.FixedLenFeature([], tf.string),
                },
            )
            texts, label = parsed[schema.CAPTION_TEXT], parsed[schema.CLASS_LABEL]
            images = tf.strings.join(
                [parsed[schema.IMAGE_ENCODED], "\0" * dimensions * 4]
            )  # a class has another picture
            captions = texts.with_values(self.decode(texts.values))
            return {
                signatures.IMAGE_EMBEDDING: self.decode(tf.strings.substr(images, 0, dimensions * 4)),
                signatures.CAPTION_EMBEDDING: captions.to_tensor(shape=[None, None, dimensions]),
                signatures.CAPTION_COUNT: texts.row_lengths(),
                signatures.LABEL: label,
                signatures.LABEL_EMBEDDING: tf.one_hot(
                    tf.strings.to_hash_bucket_fast(label, dimensions), dimensions, dtype=tf.float32
                ),
            }

        def decode(self, raw):
            return tf.reshape(tf.io.decode_raw(raw, tf.float32), [-1, dimensions])

    model = GivesBack()
    tf.saved_model.save(model, str(folder), signatures={signatures.EVALUATE: model.evaluate})
