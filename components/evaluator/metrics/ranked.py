"""One way to ask a gallery: how each query's best right answer is ranked, and the numbers that follow from it.

Legend: Q queries that have a right answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from components.evaluator.metrics.pairs import Indices, Scored
from components.evaluator.metrics.ranking import Ties, hit_probability
from components.evaluator.metrics.standing import Standing

RECALL_AT = (1, 5, 10)  # as ALIGN reports retrieval, arXiv:2102.05918


@dataclass(frozen=True)
class Ranked:
    """Where the best right answer of each query stands.

    Attributes:
      asked: [Q] index of the row that asks.
      best: [Q] index of its right answer of the highest similarity, the first of equals.
      similarity: [Q] of the two.
      above: [Q] candidates that score more; all are wrong.
      level: [Q] candidates that score the same, right and wrong.
      level_right: [Q] how many of them are right, `best` included.
      before: [Q] wrong ones of them that stand before `best` in the gallery.
      right: [Q] right answers of the query.
      candidates: [Q] rows that are ranked for it.
      without_answer: rows that could ask but have no right answer; they are in no number.
      ties: how equals are ranked.
    """

    asked: Indices
    best: Indices
    similarity: NDArray[np.float64]
    above: Indices
    level: Indices
    level_right: Indices
    before: Indices
    right: Indices
    candidates: Indices
    without_answer: int
    ties: Ties

    @classmethod
    def of(cls, standing: Standing, pairs: Scored, candidates: Indices, rows: int, ties: Ties) -> Ranked:
        """Put together what is known of each query.

        Args:
          standing: of each query's best answer, Q of them.
          pairs: of each query and all its right answers, the best one first.
          candidates: [Q].
          rows: that could ask.
          ties: how equals are ranked.
        """
        best = standing.pairs
        first = np.flatnonzero(pairs.firsts())  # [Q]
        right = np.diff(np.r_[first, len(pairs)])
        as_good = pairs.similarity == np.repeat(best.similarity, right)  # [P]
        return cls(
            asked=best.query,
            best=best.answer,
            similarity=best.similarity,
            above=standing.above,
            level=standing.level,
            level_right=np.add.reduceat(as_good, first, dtype=np.int64) if len(first) else first,
            before=standing.before,
            right=right,
            candidates=candidates,
            without_answer=rows - len(best),
            ties=ties,
        )

    def hits(self, k: int) -> NDArray[np.float64]:
        """Returns [Q], 1 where a right answer is among the first k; with ties expected, how likely that is."""
        if self.ties == "index":
            return (self.above + self.before < k).astype(np.float64)
        return hit_probability(self.above, self.level, self.level_right, k)

    def chances(self, k: int) -> NDArray[np.float64]:
        """Returns [Q], how likely a right answer is among k candidates drawn blindly; 1 where k covers the gallery."""
        return hit_probability(0, self.candidates, self.right, k)

    def ranks(self) -> NDArray[np.float64]:
        """Returns [Q], the place of the first right answer, from 1; with ties expected, its mean over all orders."""
        if self.ties == "index":
            return np.asarray(self.above + self.before + 1, np.float64)
        return np.asarray(
            self.above + (self.level + 1) / (self.level_right + 1)
        )  # the first of g among t, in any order

    def values(self, way: str, recall_at: tuple[int, ...] = RECALL_AT) -> dict[str, NDArray[np.float64]]:
        """Returns what each query contributes to each number.

        A recall is left out where k is not below every query's candidates: any model would find something there.

        Args:
          way: "i2t", "t2i", "t2t" or "i2i".
          recall_at: each k.

        Returns:
          `{way}_recall_at_{k}` -> [Q], whose mean is the number; `{way}_median_rank` -> [Q], whose median is.
        """
        smallest = int(self.candidates.min(initial=np.iinfo(np.int64).max))
        recalls = {f"{way}_recall_at_{k}": self.hits(k) for k in recall_at if k < smallest}
        return recalls | {f"{way}_median_rank": self.ranks()}
