"""A font that can draw a given text: the machine's own, or Pillow's with the accents taken off.

Pillow's built-in font has no accented letters; common sans-serif families are looked for under their file names.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import ImageFont

FAMILIES = (  # file names that Pillow looks up in the system's font folders, the best first
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "arial.ttf",
    "Helvetica.ttc",
    "DroidSansFallbackFull.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
)
_MISSING = "\U0010fffd"  # a private-use character: every font draws its "missing glyph" for it


def font_for(text: str, size_px: int) -> tuple[ImageFont.FreeTypeFont, str]:
    """Choose a font and the text to draw with it.

    Args:
      text: what is to be drawn.
      size_px: letter size in pixels.

    Returns:
      The first font that has every character, with the text; or the best font there is with the text reduced to
      what it can draw: accents off first, then '?' for what is left.
    """
    fonts = _fonts(size_px)
    for font in fonts:
        if all(_has(font, character) for character in set(text)):
            return font, text
    return fonts[0], "".join(_drawable(fonts[0], character) for character in text)


@lru_cache(maxsize=32)
def _fonts(size_px: int) -> tuple[ImageFont.FreeTypeFont, ...]:
    found = []
    for name in FAMILIES:
        try:
            found.append(ImageFont.truetype(name, size_px))
        except OSError:
            continue  # not on this machine
    built_in = ImageFont.load_default(size_px)
    return (*found, built_in) if isinstance(built_in, ImageFont.FreeTypeFont) else tuple(found)


@lru_cache(maxsize=65536)
def _has(font: ImageFont.FreeTypeFont, character: str) -> bool:
    if character.isspace():
        return True
    return bytes(font.getmask(character)) != bytes(font.getmask(_MISSING))


def _drawable(font: ImageFont.FreeTypeFont, character: str) -> str:
    if _has(font, character):
        return character
    if unicodedata.category(character) in ("Cf", "Mn"):
        return ""  # joiners, variation selectors and accents have no glyph of their own
    base = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    return base if base and all(_has(font, part) for part in base) else "?"
