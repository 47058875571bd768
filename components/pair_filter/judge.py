"""Judges the records of a file by what was found out about them: facts in, a verdict for each record out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from components.pair_filter.config import FilterConfig
from components.pair_filter.facts import FileFacts
from components.pair_filter.ngrams import find_rare
from components.pair_filter.rules import CaptionFacts, ImageFacts, Verdict, judge


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


def judge_file(facts: FileFacts, findings: Findings, config: FilterConfig) -> list[Verdict]:
    """Returns the verdict on each record of a file, in order."""
    captions = [
        CaptionFacts(text, len(words), is_shared, find_rare(words, findings.rare_ngrams))
        for text, words, is_shared in zip(
            facts.text, map(str.split, facts.words), findings.is_shared.tolist(), strict=True
        )
    ]
    images = [
        ImageFacts(
            width,
            height,
            is_crowded,
            findings.copies.get(row, ""),
            findings.neighbours.get(row, ""),
            _score(findings.scores, row),
        )
        for row, (width, height, is_crowded) in enumerate(
            zip(facts.width, facts.height, findings.is_crowded.tolist(), strict=True)
        )
    ]
    return [judge(image, captions[facts.first[row] : facts.first[row + 1]], config) for row, image in enumerate(images)]


def _score(scores: np.ndarray | None, row: int) -> float | None:
    return None if scores is None or np.isnan(scores[row]) else float(scores[row])
