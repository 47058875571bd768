"""What turns images and texts into vectors: the interface, and what its implementations share.

Legend: N inputs, D embedding dimension.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np
import PIL

from serving import normal_form, pictures
from serving.pictures import PictureError, View

BATCH = 64  # inputs encoded at once: bounds memory and the size of a message
Value = TypeVar("Value")


class EncodeError(RuntimeError):
    """Inputs that could not be encoded; the message names the encoder and the cause."""


class Encoder(Protocol):
    """Encodes images and texts into one space, where a cosine is a similarity.

    Attributes:
      name: what a report calls it.
      fingerprint: hex digits that are others for another model; may raise EncodeError where the model has to be asked.
      temperature: what the model divides cosines by before a softmax over texts; None where it does not say.
      is_lasting: whether embeddings may be kept under the fingerprint for a later process, since no other model will
        ever have it.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def temperature(self) -> float | None: ...

    @property
    def is_lasting(self) -> bool: ...

    def confirm(self) -> None:
        """Make sure that all it encoded since is of the model of `fingerprint`; raises EncodeError where it may not."""
        ...

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


def settle(images: Sequence[bytes]) -> list[bytes]:
    """Bring encoded images into normal form (serving/normal_form.py), which the served graph reads.

    Raises:
      EncodeError: names the first that no format fits or that cannot be shown as it is meant to look.
    """
    return shown(images, lambda view: view.settled().encoded)


@functools.cache
def settling() -> str:
    """Returns 32 hex digits of what `settle` depends on beside an image's bytes: its own code, and Pillow."""
    digest = hashlib.blake2b(PIL.__version__.encode(), digest_size=16)
    for module in (pictures, normal_form):
        digest.update(inspect.getsource(module).encode())
    return digest.hexdigest()


def shown(images: Sequence[bytes], encoded: Callable[[View], bytes]) -> list[bytes]:
    """Returns what `encoded` makes of each image; raises EncodeError as `settle` does."""
    made = []
    for number, image in enumerate(images):
        try:
            made.append(encoded(View(image)))
        except PictureError as error:
            raise EncodeError(f"image {number} of {len(images)} cannot be read: {error}; send a JPEG or PNG") from error
    return made


def in_batches(values: Sequence[Value], encode: Callable[[Sequence[Value]], np.ndarray]) -> np.ndarray:
    """Returns [N, D]: `encode` applied to at most BATCH values at a time; once to none where N is 0."""
    starts = range(0, len(values), BATCH) or (0,)
    return np.concatenate([encode(values[start : start + BATCH]) for start in starts])
