"""Vectors with the structure of embeddings: topics of all sizes, in a spectrum that falls like that of real ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

SPREAD = 0.6  # of pictures around their topic, in the topics' own spread
_ROWS_AT_ONCE = 20_000


def clustered(rows: int, dimension: int, *, seed: int, spread: float = SPREAD) -> Iterator[np.ndarray]:
    """Yields unit vectors [<= 20000, D] float32, `rows` in all; the topics are the same for each seed.

    The standard deviation of dimension d is 1 / sqrt(d); the share of topic t is about 1 / t. Where the `spread` of
    pictures around their topic is large, there are none.
    """
    spectrum = np.arange(1, dimension + 1) ** -0.5
    topics = np.random.default_rng(0).normal(size=(2000, dimension)) * spectrum
    share = 1 / np.arange(10, len(topics) + 10)
    generator = np.random.default_rng(seed + 1)
    for start in range(0, rows, _ROWS_AT_ONCE):
        count = min(_ROWS_AT_ONCE, rows - start)
        chosen = generator.choice(len(topics), count, p=share / share.sum())
        vectors = topics[chosen] + spread * spectrum * generator.normal(size=(count, dimension))
        yield (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
