"""The wrong candidate that stands first, against looking at each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.evaluator.metrics.mistakes import NOBODY, closest_wrong


def unit(rows) -> np.ndarray:
    array = np.asarray(rows, np.float32)
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 6), st.integers(0, 10**6))
def test_equals_looking_at_each_candidate(asking, answering, rows_per_tile, seed):
    rng = np.random.default_rng(seed)
    left, right = unit(rng.normal(size=(asking, 4))), unit(rng.normal(size=(answering, 4)))
    asked = np.flatnonzero(rng.random(asking) < 0.7)
    known = rng.integers(0, (asking, answering), (rng.integers(0, 30), 2))
    found, similarity = closest_wrong(left, right, asked, known, rows_per_tile=rows_per_tile)
    for place, query in enumerate(asked):
        wrong = [row for row in range(answering) if [query, row] not in known.tolist()]
        if not wrong:
            assert (found[place], similarity[place]) == (NOBODY, -np.inf)
            continue
        assert found[place] == max(wrong, key=lambda row: left[query] @ right[row])
        assert similarity[place] == pytest.approx(left[query] @ right[found[place]], abs=1e-6)
