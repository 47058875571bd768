"""Judges the records of a file by what was found out about them: facts in, a verdict for each record out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from components.pair_filter.config import FilterConfig
from components.pair_filter.evidence import CAPTION, IMAGE, Convicted
from components.pair_filter.facts import FileFacts
from components.pair_filter.ngrams import find_rare
from components.pair_filter.rules import CaptionFacts, ImageFacts, Verdict, judge

JUDGED_BY = ("width", "height", "captions", "words", "pixels", "perceptual")  # columns of the facts


@dataclass(frozen=True)
class Findings:
    """What was found out about one file beyond its own facts.

    Attributes:
      crowded_images: numbers of the records whose image has too many captions.
      shared_captions: numbers of the captions, counted through the file, that too many images share.
      rare_ngrams: the rare ones among the file's n-grams.
      copies, neighbours: number of the record -> the evaluation image that it copies, in words.
      scores: [records] float32 of the unsafe-image scorer, NaN where there is none; or None without a scorer.
    """

    crowded_images: Collection[int] = frozenset()
    shared_captions: Collection[int] = frozenset()
    rare_ngrams: Collection[str] = frozenset()
    copies: Mapping[int, str] = field(default_factory=dict)
    neighbours: Mapping[int, str] = field(default_factory=dict)
    scores: np.ndarray | None = None


def places(convicted: Iterable[Convicted], kind: bytes) -> frozenset[int]:
    """Returns the convicted places of one kind."""
    return frozenset(place for found in convicted if found.kind == kind for place in found.places)


def crowded_and_shared(convicted: Iterable[Convicted]) -> tuple[frozenset[int], frozenset[int]]:
    """Returns the convicted records and the convicted captions of a file."""
    found = list(convicted)
    return places(found, IMAGE), places(found, CAPTION)


def judge_file(facts: FileFacts, findings: Findings, config: FilterConfig) -> list[Verdict]:
    """Returns the verdict on each record, in order.

    Args:
      facts: with the columns JUDGED_BY.
      findings: about the same file.
      config: the thresholds.
    """
    verdicts = []
    first = 0  # number, in the file, of the record's first caption
    for row, texts in enumerate(facts.captions):
        image = ImageFacts(
            width=facts.width[row],
            height=facts.height[row],
            has_too_many_captions=row in findings.crowded_images,
            copy_of=findings.copies.get(row, ""),
            neighbour_of=findings.neighbours.get(row, ""),
            unsafe_score=_score(findings.scores, row),
        )
        captions = [
            _caption(text, words.split(), number in findings.shared_captions, findings.rare_ngrams)
            for number, (text, words) in enumerate(zip(texts, facts.words[row], strict=True), first)
        ]
        verdicts.append(judge(image, captions, config))
        first += len(texts)
    return verdicts


def _caption(text: str, words: list[str], is_shared: bool, rare: Collection[str]) -> CaptionFacts:
    return CaptionFacts(text, len(words), is_shared, find_rare(words, rare) if rare else "")


def _score(scores: np.ndarray | None, row: int) -> float | None:
    return None if scores is None or np.isnan(scores[row]) else float(scores[row])
