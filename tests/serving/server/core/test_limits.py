"""What one request may ask for: items, bytes and pixels, each with TensorFlow Serving's code."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from serving.server.core.limits import DEFAULT_LIMITS, RequestLimits
from serving.server.refusal import Refusal


def strings(*values: bytes) -> np.ndarray:
    return np.array([*values, None], object)[:-1]


def refused(limits: RequestLimits, **inputs) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        limits.check(inputs)
    return caught.value.code.name, caught.value.message


def test_items():
    limits = RequestLimits(items=2)
    limits.check({"text": strings(b"a", b"b"), "scalar": np.array(1.0)})
    assert refused(limits, text=strings(b"a", b"b", b"c")) == (
        "INVALID_ARGUMENT",
        "Task size 3 is larger than maximum input batch size 2",
    )


def test_bytes():
    limits = RequestLimits(bytes=8)
    limits.check({"text": strings(b"1234", b"5678")})
    limits.check({"x": np.zeros(2, np.float32)})
    assert refused(limits, a=strings(b"1234"), x=np.zeros(2, np.float32)) == (
        "RESOURCE_EXHAUSTED",
        "inputs of 12 bytes are larger than the limit of 8",
    )


def test_pixels_are_counted_by_headers(coloured_png):
    one = coloured_png(1, 2, 3)  # how large it is, is read here from the array that it decodes to
    import tensorflow as tf

    height, width, _ = tf.io.decode_image(one).shape
    limits = RequestLimits(pixels=2 * height * width)
    limits.check({"image_bytes": strings(one, b"no picture", one, b"")})
    code, message = refused(limits, image_bytes=strings(one, one, one))
    assert (code, message) == (
        "INVALID_ARGUMENT",
        f"pictures of {3 * height * width} pixels are larger than the limit of {2 * height * width}",
    )
    limits.check({"text": strings(one, one, one)})


def test_a_bomb_is_refused_from_its_header():
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", 65536, 131072, 8, 2, 0, 0, 0), b"IDAT")
    parts = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(parts)
    assert refused(DEFAULT_LIMITS, image_bytes=strings(bomb))[0] == "INVALID_ARGUMENT"
