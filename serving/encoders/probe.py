"""Which model answers, told by its answers: the fingerprint of a model whose bytes cannot be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from PIL import Image

from serving.encoders.encoder import EncodeError
from serving.pictures import to_png

SAME_WITHIN = 1e-4  # of a unit vector: above what float32 rounds off in a batch of another size, below any new weights
_SIDE_PX = 64
TEXTS = (
    "a photo of a red car",
    "two green dogs in the blue sea",
    "zwei Hunde im Schnee",
    "北京的猫 No. 7",
    "x" * 40 + " and one more word" * 40,
)


def images() -> list[bytes]:
    """Returns the images of the probe: gradients of many colours, their negative turned by a quarter, a wide grey."""
    rows, columns = np.mgrid[0:_SIDE_PX, 0:_SIDE_PX] * (256 // _SIDE_PX)
    pixels = np.stack([rows, columns // 2, 255 - (rows + columns) // 8], axis=-1).astype(np.uint8)  # [64, 64, 3]
    wide = pixels[: _SIDE_PX // 2, :, 2]
    return [to_png(Image.fromarray(shown)) for shown in (pixels, 255 - np.rot90(pixels), wide)]


class Probe:
    """A model's embeddings of a few images and texts, and whether it still gives them.

    Two trained models answer otherwise. So may one model on other hardware: what was kept under its fingerprint is
    then made again, which costs time and nothing else.

    Args:
      name: of the model, as messages have it.
      encode_image, encode_text: its own; what they raise is not caught.
    """

    def __init__(
        self,
        name: str,
        encode_image: Callable[[Sequence[bytes]], np.ndarray],
        encode_text: Callable[[Sequence[str]], np.ndarray],
    ) -> None:
        self._name, self._encode_image, self._encode_text = name, encode_image, encode_text

    def fingerprint(self, *said: object) -> str:
        """Returns SHA-256, in hex, of what a model says of itself and of its first answers, bit for bit."""
        digest = hashlib.sha256(repr(said).encode())
        for vectors in self._first:
            digest.update(f"{vectors.dtype.str}{vectors.shape}".encode() + np.ascontiguousarray(vectors).tobytes())
        return digest.hexdigest()

    def confirm(self) -> None:
        """Ask again; raises EncodeError where the answers are others than the first."""
        for first, now in zip(self._first, self._ask(), strict=True):
            if first.shape != now.shape or not np.linalg.norm(first - now, axis=1).max() <= SAME_WITHIN:
                raise EncodeError(
                    f"{self._name} is another model now, whatever version it says: it embeds the same inputs otherwise "
                    "than at first; what it gave meanwhile is not kept, so run the command again"
                )

    @cached_property
    def _first(self) -> tuple[np.ndarray, np.ndarray]:
        return self._ask()

    def _ask(self) -> tuple[np.ndarray, np.ndarray]:
        return self._encode_image(images()), self._encode_text(TEXTS)
