"""The ranked images of one question on one snapshot, as far as its pages have been turned.

Legend: T terms, D embedding dimension.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from serving.search.duplicates import Apart, Groups
from serving.search.questions import Hit, Question
from serving.search.stores.store import Snapshot
from serving.search.terms import Composed

DEEPEST = 10_000  # images that are ranked for one question
_AHEAD = 1000  # images that a page looks at beyond what it needs where one leads many; it then shows fewer


class Ranking:
    """Grows by deeper searches. What was ranked keeps its place, so a page that was shown stays as it was.

    A deeper search of codes may find an image that the one before missed; it comes behind those that were ranked.

    Attributes:
      count: images that fulfil the filter.
    """

    def __init__(self, question: Question, composed: Composed, snapshot: Snapshot, near: float) -> None:
        """Rank nothing yet; `near` is the cosine from which on two images are near duplicates."""
        self._question, self._composed, self._snapshot = question, composed, snapshot
        self.count = snapshot.count(question.where)
        self._groups = Groups(len(composed.query), near) if question.group else Apart()
        self._ids: list[str] = []
        self._scores: list[float] = []
        self._shares: list[list[float]] = []
        self._rows: list[pa.Table] = []
        self._is_whole = False
        self._ends: dict[tuple[int, int], int] = {}  # of pages that were shown, by their start and k
        self._growing = threading.Lock()

    def page(self, start: int, k: int) -> tuple[list[Hit], bool]:
        """Returns the hits from number `start` on, k at most, and whether there may be more behind them."""
        with self._growing:
            self._reach(start + k + 1)
            leaders, members = self._groups.leaders, self._groups.members
            end = self._ends.setdefault((start, k), min(start + k, len(leaders)))
            chosen = [(leaders[number], list(members[number])) for number in range(start, end)]
            more = len(leaders) > end or not self._is_whole
            rows = pa.concat_tables(self._rows).take([rank for rank, _ in chosen]).to_pylist() if chosen else []
        hits = [
            Hit(
                id=self._ids[rank],
                score=self._scores[rank],
                shares=tuple(self._shares[rank]),
                metadata=row,
                duplicates=tuple(self._ids[other] for other in others),
            )
            for (rank, others), row in zip(chosen, rows, strict=True)
        ]
        return hits, more

    def _reach(self, hits: int) -> None:
        """Search deeper until so many hits are ranked, or all that there are."""
        end = len(self._ids) + self._groups.images_for(hits) + _AHEAD
        while len(self._groups.leaders) < hits and len(self._ids) < end and not self._is_whole:
            depth = min(DEEPEST, max(self._groups.images_for(hits), 2 * len(self._ids)))
            found = self._snapshot.search(self._composed.query[None], depth, self._question.where)
            self._is_whole = len(found.ids[0]) < depth or depth == DEEPEST
            self._take(found.ids[0], found.scores[0])

    def _take(self, ids: Sequence[str], scores: np.ndarray) -> None:
        if self._question.min_score is not None:
            enough = int((scores >= self._question.min_score).sum())
            self._is_whole = self._is_whole or enough < len(ids)
            ids, scores = ids[:enough], scores[:enough]
        held = set(self._ids)
        new = [(name, score) for name, score in zip(ids, scores.tolist(), strict=True) if name not in held]
        if new:
            names = [name for name, _ in new]
            rows, vectors = self._snapshot.rows(names), self._snapshot.vectors(names)
            self._groups.take(rows, vectors)
            self._ids += names
            self._scores += [score for _, score in new]
            self._shares += self._composed.shares(vectors).tolist()
            self._rows.append(rows)
