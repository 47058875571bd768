"""Which model answers, told by its answers: the fingerprint of a model whose bytes cannot be read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from serving.pictures import to_png

_SIDE_PX = 64
TEXTS = ("a photo of a red car", "two green dogs in the blue sea", "zwei Hunde im Schnee", "北京的猫 No. 7")


def images() -> list[bytes]:
    """Returns the images of the probe: a colour wheel's worth of gradients, and its negative turned by a quarter."""
    rows, columns = np.mgrid[0:_SIDE_PX, 0:_SIDE_PX] * (256 // _SIDE_PX)
    pixels = np.stack([rows, columns, (rows + columns) // 2], axis=-1).astype(np.uint8)  # [64, 64, 3]
    return [to_png(Image.fromarray(shown)) for shown in (pixels, 255 - np.rot90(pixels))]


def fingerprint(
    said: Sequence[object],
    encode_image: Callable[[Sequence[bytes]], np.ndarray],
    encode_text: Callable[[Sequence[str]], np.ndarray],
) -> str:
    """Returns SHA-256, in hex, of what a model says of itself and of its embeddings of the probe, bit for bit.

    Two trained models answer the probe otherwise. So may one model on other hardware: what was kept under the
    fingerprint is then made again, which costs time and nothing else.

    Args:
      said: what the model is called and what it says of itself, such as its version.
      encode_image, encode_text: its own; what they raise is not caught.
    """
    digest = hashlib.sha256(repr(tuple(said)).encode())
    for vectors in (encode_image(images()), encode_text(TEXTS)):
        digest.update(f"{vectors.dtype.str}{vectors.shape}".encode() + np.ascontiguousarray(vectors).tobytes())
    return digest.hexdigest()
