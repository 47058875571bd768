"""What many threads ask at once is encoded together, each gets its own rows, and a bad input fails alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from colour_encoder import ColourEncoder, picture

from serving.encoders.batched import BatchedEncoder
from serving.encoders.encoder import EncodeError
from serving.encoders.opening import encoder_of


class Held(ColourEncoder):
    """Holds its first call until it is let go; the word "bad" fails."""

    def __init__(self):
        super().__init__()
        self.begun, self.go = threading.Event(), threading.Event()
        self.sizes = []

    def encode_text(self, texts):
        self.begun.set()
        self.sizes.append(len(texts))
        assert self.go.wait(30)
        if "bad" in texts:
            raise ValueError("a bad word")
        return super().encode_text(texts)


def test_what_waits_is_encoded_together_and_a_bad_input_fails_alone():
    held = Held()
    encoder = BatchedEncoder(encoder_of(held, "held"))
    texts = [["red"], ["green", "blue"], ["bad"], ["blue red"]]
    with ThreadPoolExecutor(len(texts) + 1) as threads:
        first = threads.submit(encoder.encode_text, ["green"])
        assert held.begun.wait(30)
        others = [threads.submit(encoder.encode_text, some) for some in texts]
        while len(encoder._texts._waiting) < len(texts):
            threading.Event().wait(0.005)
        held.go.set()
        np.testing.assert_array_equal(first.result(), ColourEncoder().encode_text(["green"]))
        for some, found in zip(texts, others, strict=True):
            if some == ["bad"]:
                with pytest.raises(EncodeError, match="a bad word"):
                    found.result()
            else:
                np.testing.assert_array_equal(found.result(), ColourEncoder().encode_text(some))
    assert held.sizes[:2] == [1, 5]
    assert sorted(held.sizes[2:]) == [1, 1, 1, 2]  # each alone after the failure


def test_it_is_the_encoder_that_it_wraps():
    colours = ColourEncoder()
    plain, encoder = encoder_of(colours, "colours"), BatchedEncoder(encoder_of(colours, "colours"))
    assert (encoder.name, encoder.fingerprint, encoder.temperature) == ("colours", plain.fingerprint, None)
    assert encoder.is_lasting == plain.is_lasting
    encoder.confirm()
    np.testing.assert_array_equal(encoder.encode_image([picture(9, 0, 0)]), plain.encode_image([picture(9, 0, 0)]))
    assert encoder.encode_image([picture(9, 0, 0)] * 3).shape == (3, 4)
