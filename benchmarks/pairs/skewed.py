"""A corpus in which nearly all pairs share one caption or one image, and its twin in which they share nothing.

Nothing else differs between them, and no caption but the shared one is on two images: so many pairs break the rule on
captions per image or on images per caption as the manifest's roles say, and all others keep both.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from benchmarks.pairs.captions import VIRAL, sound_caption
from benchmarks.pairs.plan import BLOCK, EVALUATION_SPLIT, LOGO, TRAIN_SPLIT, Corpus, Pair, Shown

EVALUATION_OF_BLOCK = 2  # as many as in other corpora
ALONE_OF_BLOCK = 1  # training pairs that share nothing, so that something is left to train on
MAX_CAPTIONS_ALONE = 100  # of such a pair: one caption alone may have a rare word, and the paper's limit is 1,000


@dataclass(frozen=True)
class SkewedCorpus(Corpus):
    """What to make.

    Attributes:
      max_captions: so many captions, each its own, has a pair that shows the shared image; one that shares nothing has
        as many, but at most MAX_CAPTIONS_ALONE; any other has one.
      shared: what all training pairs but ALONE_OF_BLOCK of a block have in common.
    """

    shared: Literal["nothing", "caption", "image"] = "nothing"

    def pair(self, number: int) -> Pair:
        """Returns the pair of a number: an evaluation pair, one that shares nothing, or one that shares."""
        place = number % BLOCK
        if place < EVALUATION_OF_BLOCK:
            shown = Shown(number, "evaluation")
            return Pair(number, "evaluation", EVALUATION_SPLIT, shown, self._captions(number, 1))
        if place < EVALUATION_OF_BLOCK + ALONE_OF_BLOCK or self.shared == "nothing":
            captions = self._captions(number, min(self.max_captions, MAX_CAPTIONS_ALONE))
            return Pair(number, "plain", TRAIN_SPLIT, Shown(number), captions)
        if self.shared == "caption":
            return Pair(number, "viral", TRAIN_SPLIT, Shown(number), ((VIRAL[0], "en"),))
        return Pair(number, "logo", TRAIN_SPLIT, Shown(LOGO), self._captions(number, self.max_captions))

    def _captions(self, number: int, many: int) -> tuple[tuple[str, str], ...]:
        return tuple(self._caption(number, which) for which in range(many))

    def _caption(self, number: int, which: int) -> tuple[str, str]:
        """Write a caption that no other pair has: its last words, each of them a frequent one, number it."""
        text, tag = sound_caption(random.Random(f"{self.seed} skewed {number} {which}"))
        thousands, rest = divmod(number * self.max_captions + which, 1000)
        return f"{text} in {thousands} of {rest}", tag
