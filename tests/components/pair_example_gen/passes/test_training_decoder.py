"""The check at ingest and the decoding in training agree on which JPEGs can be read, however they are damaged."""

import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.pair_example_gen.passes.training_decoder import decode_as_training_does
from models.images.decoding import decode


def jpeg(mode: str, channels: tuple[int, ...], **options) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (33, 18, *channels), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels, mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


FORMS = (
    jpeg("RGB", (3,)),
    jpeg("RGB", (3,), progressive=True),
    jpeg("RGB", (3,), subsampling=0, restart_marker_blocks=1),
    jpeg("L", ()),
    jpeg("CMYK", (4,)),
)
BYTES = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255))


@pytest.mark.parametrize("encoded", FORMS)
def test_whole_ones_pass(encoded):
    decode_as_training_does(encoded)


@settings(max_examples=200)
@given(encoded=st.sampled_from(FORMS), kept=st.floats(0.01, 1), changed=st.lists(BYTES, max_size=3))
def test_damaged_ones_fail_where_training_fails(encoded, kept, changed):
    damaged = bytearray(encoded[: int(len(encoded) * kept)])
    for place, value in changed:
        damaged[max(2, int(place * len(damaged))) : int(place * len(damaged)) + 1] = bytes([value])
    assert fails(decode_as_training_does, ValueError, bytes(damaged)) == fails(
        decode, tf.errors.OpError, bytes(damaged)
    )


def fails(decoder, error, encoded: bytes) -> bool:
    try:
        decoder(encoded)
    except error:
        return True
    return False
