"""Gives a corpus a few hundred images in the place of millions, or none, where the texts are what is measured."""

from __future__ import annotations

import functools
import io

import numpy as np
from PIL import Image

from benchmarks.pairs.encoded import Encoded
from benchmarks.pairs.plan import Corpus, Pair

PICTURES = 200  # of each shape
_SIZES = {"usual": (216, 208), "evaluation": (216, 208), "too_small": (160, 120), "too_long": (640, 204)}
_CELLS = 5


class StandIns:
    """Draws small pictures over and over.

    Each is another one by its bytes: its number stands behind the end of the JPEG, where no decoder looks.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._seed = corpus.seed

    def draw(self, pair: Pair) -> Encoded:
        """Returns the image of a pair, undamaged."""
        shown = pair.shown
        jpeg = _jpeg(self._seed, shown.shape, shown.number % PICTURES)
        return Encoded(jpeg + f"{shown.number} {shown.recoded}".encode(), "jpg", *_SIZES[shown.shape])


class NoImages:
    """Draws nothing: what stands for an image has an identity and a size, and does not decode."""

    def __init__(self, corpus: Corpus) -> None:
        """Take a corpus, as all that draw do."""

    def draw(self, pair: Pair) -> Encoded:
        """Returns what stands for the image of a pair."""
        shown = pair.shown
        return Encoded(f"{shown.number} {shown.recoded}".encode(), "jpg", *_SIZES[shown.shape])


@functools.lru_cache(maxsize=len(_SIZES) * PICTURES)
def _jpeg(seed: int, shape: str, picture: int) -> bytes:
    chance = np.random.default_rng([seed, list(_SIZES).index(shape), picture])
    cells = Image.fromarray(chance.integers(0, 256, (_CELLS, _CELLS), np.uint8))
    buffer = io.BytesIO()
    cells.resize(_SIZES[shape], Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=30)
    return buffer.getvalue()
