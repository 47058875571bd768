"""What a candidate is asked: pictures and texts that are made here, so that nothing of the data is read for them.

On a cluster a component's inputs are downloaded whole, and these few need no data set. They are the same for each
candidate, so that latencies of two models can be compared.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from components.serving_validator.checks import Floats, Signatures
from serving.signatures import (
    CLASSIFY,
    COSINE,
    DEFAULT,
    EMBEDDING,
    ENCODE_IMAGE,
    ENCODE_TEXT,
    IMAGE_BYTES,
    LABELS,
    PLACEHOLDER,
    SIMILARITY,
    TEMPLATES,
    TEXT,
)

TEXTS = ("a photo of a red car", "two green dogs in the blue sea", "zwei Hunde im Schnee", "北京的猫 No. 7", "é", "")
BROKEN_PICTURE = b"\xff\xd8\xff\xe0 is how a JPEG begins, and this is none"
_WIDTH_PX, _HEIGHT_PX = 640, 480
_FORMATS = ("JPEG", "PNG", "GIF", "BMP")


class Question(NamedTuple):
    """A request: a signature, its inputs by name, and the output that is wanted."""

    signature: str
    inputs: Mapping[str, Sequence[bytes]]
    output: str = EMBEDDING


def pictures() -> list[bytes]:
    """Returns a picture of 640 x 480 px in each format that the model takes, a JPEG first, and one of a single pixel.

    They are waves in three colours under a little noise, so that a JPEG has about the bytes of a photograph.
    """
    rows, columns = np.mgrid[0:_HEIGHT_PX, 0:_WIDTH_PX]
    waves = [np.sin(rows / 23), np.sin(columns / 31), np.sin((rows + columns) / 47)]
    noise = np.random.default_rng(0).normal(scale=12, size=(_HEIGHT_PX, _WIDTH_PX, 3))
    pixels = np.clip(128 + 80 * np.stack(waves, axis=-1) + noise, 0, 255).astype(np.uint8)
    shown = [(np.roll(pixels, turn, axis=-1), name) for turn, name in enumerate(_FORMATS)]
    return [_encoded(each, name) for each, name in (*shown, (pixels[:1, :1], "PNG"))]


def cut(question: Question, start: int, end: int) -> Question:
    """Returns the question with a part of each input alone."""
    return question._replace(inputs={name: values[start:end] for name, values in question.inputs.items()})


def batches() -> list[Question]:
    """Returns batches of none, of one and of all inputs, of each signature that clients encode with."""
    whole = [
        Question(ENCODE_IMAGE, {IMAGE_BYTES: pictures()}),
        Question(ENCODE_TEXT, {TEXT: [text.encode() for text in TEXTS]}),
    ]
    return [part for batch in whole for part in (cut(batch, 0, 0), cut(batch, 0, 1), batch)]


def derived(
    signatures: Signatures, images: tuple[Question, Floats], texts: tuple[Question, Floats]
) -> Iterator[tuple[Question, Floats]]:
    """Yield the questions to signatures whose answers follow from vectors, with these answers.

    Args:
      signatures: those that the model has.
      images: N pictures and their vectors [N, D].
      texts: M texts and their vectors [M, D].
    """
    if SIMILARITY in signatures:
        asked = Question(SIMILARITY, {**images[0].inputs, **texts[0].inputs}, COSINE)
        yield asked, images[1] @ texts[1].T
    if CLASSIFY in signatures:
        # By this template a label is its own text.
        labels = {LABELS: texts[0].inputs[TEXT][:2], TEMPLATES: [PLACEHOLDER.encode()]}
        yield Question(CLASSIFY, {**images[0].inputs, **labels}, COSINE), images[1] @ texts[1][:2].T
    for asked, vectors in (images, texts):
        if list(signatures.get(DEFAULT, ([], []))[0]) == list(asked.inputs):
            yield asked._replace(signature=DEFAULT), vectors


def _encoded(pixels: np.ndarray, name: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, name)
    return file.getvalue()
