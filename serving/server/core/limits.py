"""How much one request may ask for, whatever protocol it came by."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
import numpy as np
from PIL import Image, UnidentifiedImageError

from serving.server.refusal import Refusal, invalid_argument
from serving.signatures import IMAGE_BYTES


@dataclass(frozen=True)
class RequestLimits:
    """What is refused before anything is computed.

    Attributes:
      items: rows of an input; more is INVALID_ARGUMENT, as a task larger than TensorFlow Serving's batches is.
      bytes: of all inputs; more is RESOURCE_EXHAUSTED, as a message larger than gRPC's limit is.
      pixels: of all pictures in the input `image_bytes`, by their headers; more is INVALID_ARGUMENT. The model itself
        refuses a single picture that is too large, and what is no picture.
    """

    items: int = 4096
    bytes: int = 2**28
    pixels: int = 2**32

    def check(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Raise Refusal for inputs beyond a limit."""
        items = max((array.shape[0] for array in inputs.values() if array.ndim), default=0)
        if items > self.items:
            raise invalid_argument(f"Task size {items} is larger than maximum input batch size {self.items}")
        total = sum(_bytes_of(array) for array in inputs.values())
        if total > self.bytes:
            raise Refusal(
                grpc.StatusCode.RESOURCE_EXHAUSTED, f"inputs of {total} bytes are larger than the limit of {self.bytes}"
            )
        if IMAGE_BYTES in inputs:
            pixels = sum(_pixels_of(encoded) for encoded in inputs[IMAGE_BYTES].ravel())
            if pixels > self.pixels:
                raise invalid_argument(f"pictures of {pixels} pixels are larger than the limit of {self.pixels}")


DEFAULT_LIMITS = RequestLimits()


def _bytes_of(array: np.ndarray) -> int:
    return sum(map(len, array.ravel())) if array.dtype == object else array.nbytes


def _pixels_of(encoded: object) -> int:
    """Returns width x height as a picture's header states them; 0 for what is no picture."""
    if not isinstance(encoded, bytes):
        return 0
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            return image.width * image.height
    except Image.DecompressionBombError:
        return 2**63
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return 0
