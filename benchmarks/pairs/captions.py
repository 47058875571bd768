"""Captions as the web writes alt-texts: phrases by Zipf's law, at times a shop's name; and what spoils them."""

from __future__ import annotations

import random

from benchmarks.pairs.words import Language, choose_language, draw_words

# On far more images than any rule allows, in several spellings of one caption each.
BOILERPLATE = (
    "stock photo",
    "Stock  Photo",
    "STOCK PHOTO",
    "image 1 of 4",
    "Image 1 of 4",
    "image 2 of 4",
    "click to enlarge the picture",
    "Click to enlarge  the picture",
    "no image available",
    "1920x1080",
    "thumbnail",
    "Produktbild in voller Größe",
    "高清图片素材",
    "ภาพสวย",
)
VIRAL = ("free shipping on all orders over fifty dollars", "Free shipping on ALL orders over fifty dollars")

MIN_WORDS, MAX_WORDS = 3, 20  # the paper's; what a sound caption keeps to, and a planted one breaks
_TYPICAL_WORDS = (4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_TAILS = ("", "", "", "", " | Shop", " - stock photo", ", 2019", " (4)")
_CODE = "0123456789bcdfghjklmnpqrstvwxz"


def sound_caption(chance: random.Random) -> tuple[str, str]:
    """Returns a caption of 4 to 17 words, and its language; where no blanks are written, of more as others count."""
    language = choose_language(chance)
    words = draw_words(chance, language, chance.choice(_TYPICAL_WORDS))
    return _spell(chance, language, words) + chance.choice(_TAILS), language.tag


def short_caption(chance: random.Random) -> tuple[str, str]:
    """Returns a caption of fewer words than MIN_WORDS, and its language."""
    language = _spaced(chance)
    return " ".join(draw_words(chance, language, chance.randint(1, MIN_WORDS - 1))), language.tag


def long_caption(chance: random.Random) -> tuple[str, str]:
    """Returns a caption of more words than MAX_WORDS, and its language."""
    language = _spaced(chance)
    return " ".join(draw_words(chance, language, chance.randint(MAX_WORDS + 1, 28))), language.tag


def rare_caption(chance: random.Random) -> tuple[str, str]:
    """Returns a caption with a code that no other caption holds, and its language."""
    language = _spaced(chance)
    code = "".join(chance.choices(_CODE, k=12))
    return " ".join([*draw_words(chance, language, 5), code]), language.tag


def _spaced(chance: random.Random) -> Language:
    """Draw a language that writes blanks, where the number of words is the number that was asked for."""
    while not (language := choose_language(chance)).gap:
        pass
    return language


def _spell(chance: random.Random, language: Language, words: list[str]) -> str:
    if chance.random() < 0.25 and len(words) > 5:
        words = [*words[:3], words[3] + ("," if language.gap else "\uff0c"), *words[4:]]
    text = language.gap.join(words)
    return text[:1].upper() + text[1:] if chance.random() < 0.6 else text
