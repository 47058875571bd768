"""What turns images and texts into vectors: the interface, and the implementation that runs in this process.

Legend: N inputs, D embedding dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from serving.pictures import PictureError, View
from serving.server.refusal import Refusal
from serving.server.servable import Servable
from serving.signatures import EMBEDDING, ENCODE_IMAGE, ENCODE_TEXT, IMAGE_BYTES, TEXT

BATCH = 64  # inputs encoded at once: bounds memory and the size of a message


class EncodeError(RuntimeError):
    """Inputs that could not be encoded; the message names the encoder and the cause."""


class Embedder(Protocol):
    """Encodes images and texts into one space, where a cosine is a similarity."""

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        """Encode images.

        Args:
          images: N encoded images of any format and look that serving/pictures.py reads.

        Returns:
          [N, D] float32, unit rows.

        Raises:
          EncodeError: when they cannot be encoded.
        """
        ...

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Encode N texts into [N, D] float32, unit rows; raises EncodeError."""
        ...


class SavedModelEmbedder:
    """Encodes with a SavedModel loaded into this process.

    Examples:
      >>> embedder = SavedModelEmbedder(Path("output/align-demo/serving_models/align/1"))
      >>> embedder.encode_text(["sad cat", "red boat"]).shape[0]
      2
    """

    def __init__(self, path: Path) -> None:
        """Load the SavedModel at `path`; raises ValueError when it cannot be loaded."""
        self._servable = Servable(path)

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        return in_batches(images, lambda batch: self._run(ENCODE_IMAGE, IMAGE_BYTES, settle(batch)))

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        return in_batches([text.encode() for text in texts], lambda batch: self._run(ENCODE_TEXT, TEXT, batch))

    def _run(self, signature: str, name: str, values: Sequence[bytes]) -> np.ndarray:
        try:
            return self._servable.run(signature, {name: np.array(values, dtype=object)})[EMBEDDING]
        except Refusal as refusal:
            raise EncodeError(f"{self._servable.path} refused {signature}: {refusal.message}") from refusal


def settle(images: Sequence[bytes]) -> list[bytes]:
    """Bring encoded images into normal form (serving/normal_form.py), which the served graph reads.

    Raises:
      EncodeError: names the first that no format fits or that cannot be shown as it is meant to look.
    """
    settled = []
    for number, image in enumerate(images):
        try:
            settled.append(View(image).settled().encoded)
        except PictureError as error:
            raise EncodeError(f"image {number} of {len(images)} cannot be read: {error}; send a JPEG or PNG") from error
    return settled


def in_batches(values: Sequence[bytes], encode: Callable[[Sequence[bytes]], np.ndarray]) -> np.ndarray:
    """Returns [N, D]: `encode` applied to at most BATCH values at a time; once to none where N is 0."""
    starts = range(0, len(values), BATCH) or (0,)
    return np.concatenate([encode(values[start : start + BATCH]) for start in starts])
