"""Words of many languages: the commonest are real, the long tail is made up of each language's syllables.

A word is a function of its language and rank alone, so a vocabulary has no end and needs no memory.
"""

from __future__ import annotations

import functools
import json
import random
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Language:
    """One language.

    Attributes:
      tag: its BCP 47 tag.
      share: percent of the captions that are written in it.
      gap: what stands between words; "" for the scripts that write none.
      head: the commonest words, by rank.
      syllables: what the words behind them are made of; for Chinese, characters.
    """

    tag: str
    share: int
    gap: str
    head: tuple[str, ...]
    syllables: tuple[str, ...]

    def word(self, rank: int) -> str:
        """Returns the word of a rank, counted from 0."""
        if rank < len(self.head):
            return self.head[rank]
        base = len(self.syllables)
        number = rank - len(self.head) + base  # so that it has two digits at least, in a base of syllables
        parts = []
        while number:
            number, digit = divmod(number, base)
            parts.append(self.syllables[digit])
        return "".join(parts)


def _load() -> tuple[Language, ...]:
    path = Path(__file__).with_name("languages.json")
    lists = ("head", "syllables")
    entries = json.loads(path.read_text(encoding="utf-8"))
    return tuple(Language(**{**entry, **{name: tuple(entry[name].split()) for name in lists}}) for entry in entries)


LANGUAGES = _load()
BY_TAG = {language.tag: language for language in LANGUAGES}
_SHARES = [language.share for language in LANGUAGES]
_WORDS, _PHRASES = 400_000, 60_000  # ranks to draw from
_STEEP = 1.6  # a phrase's words come more from the head than phrases themselves


def choose_language(chance: random.Random) -> Language:
    """Draw a language by its share."""
    return chance.choices(LANGUAGES, _SHARES)[0]


def draw_rank(chance: random.Random, ranks: int, steep: float = 1.0) -> int:
    """Draw a rank from 0 to ranks - 1 by Zipf's law: rank r about as often as 1 / (r + 1), or more from the head."""
    return int(ranks ** (chance.random() ** steep)) - 1


@functools.lru_cache(maxsize=200_000)
def phrase(tag: str, rank: int) -> tuple[str, ...]:
    """Returns the two or three words of one of a language's phrases: what makes some pairs of words frequent."""
    chance = random.Random(f"{tag} {rank}")
    return tuple(BY_TAG[tag].word(draw_rank(chance, _WORDS, _STEEP)) for _ in range(chance.choice((2, 2, 3))))


def draw_words(chance: random.Random, language: Language, number: int) -> list[str]:
    """Draw words in phrases, by Zipf's law."""
    words: list[str] = []
    while len(words) < number:
        words += phrase(language.tag, draw_rank(chance, _PHRASES))
    return words[:number]
