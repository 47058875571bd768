"""A fingerprint comes back from an Example as it went in, and one of another make does not come back."""

from hypothesis import given
from hypothesis import strategies as st

from components.image_fingerprint import MAKE, Fingerprint, read, written

NUMBERS = st.integers(0, 2**64 - 1)


@given(NUMBERS, st.none() | NUMBERS)
def test_it_comes_back(pixels, perceptual):
    assert read(written(Fingerprint(pixels, perceptual))) == Fingerprint(pixels, perceptual)


def test_what_is_of_another_make_or_no_fingerprint_does_not_come_back():
    value = written(Fingerprint(1, 2))
    assert read(value.replace(MAKE.encode(), b"0" + MAKE.encode()[1:])) is None
    assert read(value[:-1]) is None
    assert read(value + b" ") is None
    assert read(b"") is None
    assert read(MAKE.encode() + b" " + b"g" * 16) is None
