"""Decides what each pair of a made-up corpus is: its split, its picture, its captions, and the one fault it may have.

A pair is a function of the corpus' seed and its own number. It refers to earlier pairs alone, so a larger corpus begins
with the smaller one, any part of it can be made by itself, and nothing is remembered.
"""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import Literal

from benchmarks.pairs.captions import BOILERPLATE, VIRAL, long_caption, rare_caption, short_caption, sound_caption

BLOCK = 100  # pairs that hold each role as often as ROLES says, in an order of their own

# role -> pairs of a block. All but evaluation pairs are in the split train.
ROLES = {
    "evaluation": 2,  # in the split seen
    "evaluation_copy": 1,  # the same bytes as an evaluation image
    "evaluation_near_copy": 2,  # one resized and encoded anew
    "byte_duplicate": 4,  # the same bytes as a plain image, half of them with its captions too
    "too_small": 4,
    "too_long": 3,
    "logo": 1,  # one image everywhere, with captions of its own each time
    "boilerplate": 4,
    "viral": 2,  # one caption everywhere
    "short_caption": 3,
    "long_caption": 2,
    "rare_words": 3,
    "damaged": 1,
    "plain": 68,
}
DAMAGES = ("truncated_image", "bad_json", "no_caption", "no_image")
EVALUATION_SPLIT, TRAIN_SPLIT = "seen", "train"
LOGO = -1  # number of the picture that all logo pairs show
LOGO_CAPTIONS = 8
_POPULAR_SHARE = 0.3  # of plain pairs, with a caption that others have too
_POPULAR_OF_BLOCK = 7


@dataclass(frozen=True)
class Corpus:
    """What to make.

    Attributes:
      seed: of everything.
      pairs: how many, the damaged ones included.
      max_captions: a plain pair has 1 to so many captions, all equally likely.
    """

    seed: int = 0
    pairs: int = 20_000
    max_captions: int = 1

    def __post_init__(self) -> None:
        if self.pairs < BLOCK:
            raise ValueError(f"pairs is {self.pairs}; it must be {BLOCK} or more, so that every fault is among them")
        if self.max_captions < 1:
            raise ValueError(f"max_captions is {self.max_captions}; it must be 1 or more")

    def pair(self, number: int) -> Pair:
        """Returns the pair of a number, 0 to pairs - 1."""
        return make_pair(self, number)


@dataclass(frozen=True)
class Shown:
    """What a pair's image shows, and how.

    Attributes:
      number: of the picture; equal numbers show the same.
      shape: which sides it may have.
      recoded: the number of the pair that resized and encoded the picture anew, or None.
    """

    number: int
    shape: Literal["usual", "too_small", "too_long", "evaluation"] = "usual"
    recoded: int | None = None


@dataclass(frozen=True)
class Pair:
    """One image with its captions.

    Attributes:
      number: its place in the corpus.
      role: of ROLES.
      split: "train" or "seen".
      shown: its image.
      captions: (text, language tag) each.
      damage: of DAMAGES, or "".
    """

    number: int
    role: str
    split: str
    shown: Shown
    captions: tuple[tuple[str, str], ...]
    damage: str = ""


def make_pair(corpus: Corpus, number: int) -> Pair:
    """Returns the pair of a number, 0 to corpus.pairs - 1."""
    role = _roles(corpus.seed, number // BLOCK)[number % BLOCK]
    chance = random.Random(f"{corpus.seed} pair {number}")
    shown = _shown(corpus, number, role, chance)
    captions = _captions(corpus, number, role, shown, chance)
    split = EVALUATION_SPLIT if role == "evaluation" else TRAIN_SPLIT
    damage = chance.choice(DAMAGES) if role == "damaged" else ""
    return Pair(number, role, split, shown, captions, damage)


@functools.lru_cache(maxsize=4096)
def _roles(seed: int, block: int) -> tuple[str, ...]:
    roles = [role for role, number in ROLES.items() for _ in range(number)]
    random.Random(f"{seed} block {block}").shuffle(roles)
    return tuple(roles)


def _shown(corpus: Corpus, number: int, role: str, chance: random.Random) -> Shown:
    if role in ("too_small", "too_long", "evaluation"):
        return Shown(number, role)  # type: ignore[arg-type]
    if role in ("evaluation_copy", "evaluation_near_copy"):
        recoded = number if role == "evaluation_near_copy" else None
        return Shown(_earlier(corpus.seed, number, "evaluation", chance), "evaluation", recoded)
    if role == "byte_duplicate":
        return Shown(_earlier(corpus.seed, number, "plain", chance))
    return Shown(LOGO if role == "logo" else number)


def _earlier(seed: int, number: int, role: str, chance: random.Random) -> int:
    """Draw the number of a pair with a role, from the blocks before this one (or the first), which are whole."""
    block = chance.randint(0, max(0, number // BLOCK - 1))
    places = [place for place, has in enumerate(_roles(seed, block)) if has == role]
    return block * BLOCK + chance.choice(places)


def _captions(
    corpus: Corpus, number: int, role: str, shown: Shown, chance: random.Random
) -> tuple[tuple[str, str], ...]:
    if role == "boilerplate":
        return ((chance.choice(BOILERPLATE), "und"),)
    if role == "viral":
        return ((chance.choice(VIRAL), "en"),)
    if role == "logo":
        return tuple(sound_caption(chance) for _ in range(LOGO_CAPTIONS))
    if role in _SPOILT:
        return (_SPOILT[role](chance),)
    if role == "byte_duplicate" and chance.random() < 0.5:
        return make_pair(corpus, shown.number).captions
    return tuple(_usual_caption(corpus, number, chance) for _ in range(chance.randint(1, corpus.max_captions)))


_SPOILT = {"short_caption": short_caption, "long_caption": long_caption, "rare_words": rare_caption}


def _usual_caption(corpus: Corpus, number: int, chance: random.Random) -> tuple[str, str]:
    """Write a caption, or take one that other pairs have: the earlier it is, the more have it."""
    if chance.random() < _POPULAR_SHARE:
        block = chance.randint(0, number // BLOCK)
        chance = random.Random(f"{corpus.seed} popular {block} {chance.randrange(_POPULAR_OF_BLOCK)}")
    return sound_caption(chance)
