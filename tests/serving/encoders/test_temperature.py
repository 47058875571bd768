"""What a model divides cosines by, read from its cosines and shares as float32 tells them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.encoders.encoder import EncodeError
from serving.encoders.temperature import temperature, told_by


def shares(cosine: np.ndarray, divisor: float) -> np.ndarray:
    powers = np.exp((cosine - cosine.max(axis=1, keepdims=True)) / divisor)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@given(st.floats(0.004, 2.0), st.integers(0, 10**6))
def test_it_is_found_to_three_digits(divisor, seed):
    rng = np.random.default_rng(seed)
    cosine = rng.uniform(-0.2, 0.9, (3, 5)).astype(np.float32)
    assert temperature(cosine, shares(cosine.astype(np.float64), divisor)) == pytest.approx(divisor, rel=1e-3)


def test_where_nothing_tells_it_it_is_not_told():
    equal = np.full((2, 3), 0.5, np.float32)
    assert temperature(equal, shares(equal, 0.1)) is None
    far = np.array([[1.0, -1.0]], np.float32)
    assert temperature(far, shares(far, 0.001)) is None  # e ** -2000 is no float32

    def refuses(images, texts):
        raise EncodeError("no signature similarity")

    assert told_by(refuses) is None
