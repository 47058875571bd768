"""Judges the records of a file by what was found out about them: facts in, a verdict for each record out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from components.pair_filter.config import FilterConfig
from components.pair_filter.counting.ngrams import find_rare
from components.pair_filter.judging.facts import FileFacts, part_words
from components.pair_filter.judging.rules import CaptionFacts, ImageFacts, Verdict, judge


@dataclass(frozen=True)
class Findings:
    """What was found out about one file beyond its own facts. Legend: N records, M captions.

    Attributes:
      is_crowded: [N] bool: records whose image has too many captions.
      is_shared: [M] bool: captions that too many images share.
      rare_ngrams: the rare ones among the file's n-grams.
      copies, neighbours: number of the record -> the evaluation image that it copies, in words.
      scores: [N] float32 of the unsafe-image scorer, NaN where there is none; or None without a scorer.
    """

    is_crowded: np.ndarray
    is_shared: np.ndarray
    rare_ngrams: frozenset[str] = frozenset()
    copies: Mapping[int, str] = field(default_factory=dict)
    neighbours: Mapping[int, str] = field(default_factory=dict)
    scores: np.ndarray | None = None


def judge_file(facts: FileFacts, findings: Findings, config: FilterConfig) -> Iterator[Verdict]:
    """Yield the verdict on each record of a file, in order."""
    is_shared = findings.is_shared.tolist()
    for row, is_crowded in enumerate(findings.is_crowded.tolist()):
        image = ImageFacts(
            facts.width[row],
            facts.height[row],
            is_crowded,
            findings.copies.get(row, ""),
            findings.neighbours.get(row, ""),
            _score(findings.scores, row),
        )
        captions = []
        for number in range(facts.first[row], facts.first[row + 1]):
            words = part_words(facts.words[number])
            rare = find_rare(words, findings.rare_ngrams) if findings.rare_ngrams else ""
            captions.append(CaptionFacts(facts.text[number], len(words), is_shared[number], rare))
        yield judge(image, captions, config)


def _score(scores: np.ndarray | None, row: int) -> float | None:
    return None if scores is None or np.isnan(scores[row]) else float(scores[row])
