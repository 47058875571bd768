"""Fonts that can draw a given text: the machine's own, and Pillow's with the accents taken off where there are none.

Pillow's built-in font has no accented letters; common sans-serif families are looked for under their file names.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import groupby

from PIL import ImageFont

FAMILIES = (  # file names that Pillow looks up in the system's font folders, the best first
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "arial.ttf",
    "Helvetica.ttc",
    "NotoSansCJK-Regular.ttc",
    "DroidSansFallbackFull.ttf",
    "wqy-zenhei.ttc",
)
_MISSING = "\U0010fffd"  # a private-use character: every font draws its "missing glyph" for it

Run = tuple[ImageFont.FreeTypeFont, str]


@lru_cache(maxsize=4096)
def font_runs(text: str, size_px: int, families: tuple[str, ...] = FAMILIES) -> tuple[Run, ...]:
    """Split a text into runs that one font each can draw.

    Args:
      text: one line.
      size_px: letter size in pixels.
      families: font files to try, the best first; Pillow's built-in font comes last.

    Returns:
      (font, part of the text) in order. Each character gets the first font that has it; one that no font has loses
      its accents, and stands as '?' where that does not help.
    """
    fonts = _fonts(size_px, families)
    drawn = [(_first_with(fonts, part), part) for character in text for part in _drawable(fonts, character)]
    return tuple(
        (fonts[position], "".join(part for _, part in run))
        for position, run in groupby(drawn, key=lambda pair: pair[0])
    )


@lru_cache(maxsize=32)
def _fonts(size_px: int, families: tuple[str, ...]) -> tuple[ImageFont.FreeTypeFont, ...]:
    found = []
    for name in families:
        try:
            found.append(ImageFont.truetype(name, size_px))
        except OSError:
            continue  # not on this machine
    built_in = ImageFont.load_default(size_px)
    if isinstance(built_in, ImageFont.FreeTypeFont):  # a bitmap font where Pillow was built without FreeType
        found.append(built_in)
    return tuple(found)


def _first_with(fonts: tuple[ImageFont.FreeTypeFont, ...], character: str) -> int:
    return next((position for position, font in enumerate(fonts) if _has(font, character)), 0)


@lru_cache(maxsize=65536)
def _has(font: ImageFont.FreeTypeFont, character: str) -> bool:
    return character == " " or bytes(font.getmask(character)) != bytes(font.getmask(_MISSING))


def _drawable(fonts: tuple[ImageFont.FreeTypeFont, ...], character: str) -> str:
    if unicodedata.category(character) == "Cf" or unicodedata.name(character, "").startswith("VARIATION SELECTOR"):
        return ""  # joins or styles its neighbours; nothing to draw by itself
    if any(_has(font, character) for font in fonts):
        return character
    decomposed = unicodedata.normalize("NFKD", character)
    base = "".join(part for part in decomposed if not unicodedata.combining(part))
    if all(any(_has(font, part) for font in fonts) for part in base):
        return base
    return "?"
