"""The best right and the best wrong answer of each query, against a loop over all of them."""

from __future__ import annotations

import numpy as np

from components.evaluator.tasks import nearest as module
from components.evaluator.tasks.nearest import nearest


def unit(rng, rows, width=5):
    made = rng.normal(size=(rows, width))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def slow(asking, answering, pairs, excluded):
    for query in sorted({int(row) for row, _ in pairs}):
        right = {int(b) for a, b in pairs if a == query}
        out = {int(b) for a, b in excluded if a == query}
        score = asking[query] @ answering.T
        wrong = [place for place in range(len(answering)) if place not in right | out]
        best = max(right, key=lambda place: score[place])
        rival = max(wrong, key=lambda place: score[place]) if wrong else best
        yield query, rival, best, score[rival] - score[best] if wrong else -np.inf


def test_it_is_what_a_loop_finds(monkeypatch):
    rng = np.random.default_rng(0)
    asking, answering = unit(rng, 9), unit(rng, 7)
    pairs = np.array([(row, answer) for row in range(9) if row != 4 for answer in range(7) if rng.random() < 0.3])
    excluded = np.array([(row, answer) for row in range(9) for answer in range(7) if rng.random() < 0.1])
    excluded = np.array([pair for pair in excluded.tolist() if pair not in pairs.tolist()])
    for cells in (1, 20, 10_000):
        monkeypatch.setattr(module, "CELLS_PER_CHUNK", cells)
        found = nearest(asking, answering, rng.permutation(pairs), excluded)
        expected = [*slow(asking, answering, pairs, excluded)]
        assert found.asked.tolist() == [row[0] for row in expected]
        assert found.got.tolist() == [row[1] for row in expected]
        assert found.right.tolist() == [row[2] for row in expected]
        np.testing.assert_allclose(found.margin, [row[3] for row in expected], atol=1e-6)


def test_where_no_answer_is_wrong_there_is_no_failure():
    one = np.array([[1.0, 0.0]], np.float32)
    found = nearest(one, one, np.array([[0, 0]]))
    assert (found.got.tolist(), found.right.tolist(), found.margin.tolist()) == ([0], [0], [-np.inf])
