"""Cuts captions of any language into words, so that Chinese, Thai and Japanese captions are counted like English ones.

A word is what the paper calls a unigram: a segment between two word boundaries of ICU (78.3 in icu4py 1.1 and 1.2) that
holds a letter or a number, casefolded. ICU's root locale applies UAX #29's rules, and its dictionaries where a script
puts no blanks between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese). So:

- don't, 3.5, a_b, U.S.A and e.g are one word each; cat-face is two, and so are a/b and a@b;
- punctuation, symbols and emoji are no words, keycaps (a digit in a box) included;
- Japanese 猫の写真 is 猫, の, 写真; Chinese 今天天气很好 is 今天, 天气, 很好; Thai ฉันรักแมว is ฉัน, รัก, แมว;
  Korean, Arabic and Hindi have a word between blanks;
- accents, vowel signs and zero-width joiners stay within their word, and nothing is normalised: é in one code point and
  in two are different words.

Which code points are letters or numbers is Python's knowledge (Unicode 13 in 3.10, 14 in 3.11): scripts that are newer
have no words there. ASCII, most captions, takes a regular expression that cuts as ICU does, in a third of the time.

Reference: Unicode Standard Annex 29, section 4.
"""

from __future__ import annotations

import re

from icu4py.breakers import WordBreaker

_LOCALE = "root"
_KEYCAP = "\u20e3"  # the box around an emoji's digit
_find_letter_or_number = re.compile(r"[^\W_]").search

# Letters, numbers and low lines run on (WB5, 8 to 10, 13); colon, full stop and apostrophe join two letters (WB6, 7),
# comma, semicolon, full stop and apostrophe two digits (WB11, 12).
_find_ascii_words = re.compile(
    r"[a-z0-9_]+(?:(?:(?<=[a-z])[:.'](?=[a-z])|(?<=[0-9])[,;.'](?=[0-9]))[a-z0-9_]+)*"
).findall


def split_words(text: str) -> list[str]:
    """Returns the words of a caption in order, as the module's docstring defines them.

    Args:
      text: any characters but lone surrogates, which no UTF-8 holds.
    """
    return split_ascii(text) if text.isascii() else split_unicode(text)


def count_words(text: str) -> int:
    """Returns the number of words of a caption."""
    return len(split_words(text))


def split_unicode(text: str) -> list[str]:
    """Returns the words of any caption, by ICU."""
    return [
        segment.casefold()
        for segment in WordBreaker(text, _LOCALE)
        if segment.isalnum() or (len(segment) > 1 and _KEYCAP not in segment and _find_letter_or_number(segment))
    ]


def split_ascii(text: str) -> list[str]:
    """Returns the words of a caption of ASCII characters, equal to `split_unicode`."""
    words = _find_ascii_words(text.lower())
    if "_" in text:
        return [word for word in words if word.strip("_")]
    return words
