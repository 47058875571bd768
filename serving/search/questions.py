"""What is asked of an index, and what it answers.

Legend: T terms, K hits of a page.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from serving.search.filters import Filter
from serving.search.terms import MOST_TERMS, Term

MOST_HITS = 1000  # of a page


class UnknownImage(ValueError):
    """An image that is asked for by its id and is not in the index."""


class Unavailable(RuntimeError):
    """A model or a store that cannot be asked now; the message says which."""


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
      terms: what to look for and what not, one or more.
      where: which images count; None is all.
      k: hits of a page, 1 to MOST_HITS.
      min_score: the least cosine of a hit; None is any.
      group: whether duplicates stand behind the best of them, and not as hits.

    Raises:
      ValueError: for a question that has no answer.
    """

    terms: tuple[Term, ...]
    where: Filter | None = None
    k: int = 24
    min_score: float | None = None
    group: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.k <= MOST_HITS:
            raise ValueError(f"k is {self.k}; it must be from 1 to {MOST_HITS}")
        if not self.terms:
            raise ValueError("the query is empty; give a text, an image, or both")
        if len(self.terms) > MOST_TERMS:
            raise ValueError(f"the query has {len(self.terms)} terms; {MOST_TERMS} are the most")
        if self.min_score is not None and not -1 <= self.min_score <= 1:
            raise ValueError(f"min_score is {self.min_score}; it is a cosine, from -1 to 1")

    @property
    def digest(self) -> str:
        """Returns what two questions share that differ in k alone, 16 hex digits."""
        said = repr((self.terms, self.where, self.min_score, self.group))
        return hashlib.blake2b(said.encode(errors="surrogatepass"), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Hit:
    """One found image.

    Attributes:
      id: of the index.
      score: its cosine with the query.
      shares: what each term gave to the score, T numbers that add up to it.
      metadata: its row, column -> value.
      duplicates: ids of the images that stand behind it, best first.
    """

    id: str
    score: float
    shares: tuple[float, ...]
    metadata: dict[str, Any]
    duplicates: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A page of hits.

    Attributes:
      hits: K at most, best first.
      count: images that fulfil the filter, whatever they score.
      snapshot: names the state of the index that all pages of this answer are of.
      next: the page behind this one, as `Searcher.ask` takes it; None where there is none.
    """

    hits: list[Hit]
    count: int
    snapshot: str
    next: str | None
