"""Words by hand in each kind of script, and the fast path for ASCII against ICU."""

# ruff: noqa: RUF001 (strings that look alike are what is tested)

import pickle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from icu4py.breakers import WordBreaker

from components.pair_filter.counting.words import count_words, split_ascii, split_unicode, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A small Cat.", ["a", "small", "cat"]),
        ("cat-face, don't!", ["cat", "face", "don't"]),
        ("3.5 x 1,000; U.S.A. e.g. a:b", ["3.5", "x", "1,000", "u.s.a", "e.g", "a:b"]),
        ("a_b __ _c 2nd a/b you@home.org", ["a_b", "_c", "2nd", "a", "b", "you", "home.org"]),
        ("end.Start 5:30 'quoted'", ["end.start", "5", "30", "quoted"]),
        ("", []),
        (" \t\n...!?", []),
        ("Straße ΣΊΣΥΦΟΣ Łódź", ["strasse", "σίσυφοσ", "łódź"]),
        ("l’été d'un cœur", ["l’été", "d'un", "cœur"]),
        ("猫の写真を撮る", ["猫", "の", "写真", "を", "撮る"]),  # Japanese
        ("今天天气很好。", ["今天", "天气", "很好"]),  # Chinese
        ("ฉันรักแมว", ["ฉัน", "รัก", "แมว"]),  # Thai
        ("ພາສາລາວ", ["ພາສາ", "ລາວ"]),  # Lao
        ("고양이가 잔다", ["고양이가", "잔다"]),  # Korean: a word between blanks
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),  # Arabic
        ("हिन्दी में लिखा", ["हिन्दी", "में", "लिखा"]),  # Hindi: vowel signs stay within
        ("A 😀 cat👩\u200d🍳 🇩🇪 ❤️", ["a", "cat"]),  # astral emoji shift nothing
        ("1️⃣ #️⃣ 1", ["1"]),  # keycaps are emoji
        ("½ ② Ⅳ", ["½", "②", "ⅳ"]),
        ("©™ € → «»…—", []),
        ("e\u0301te\u0301 \u0301", ["e\u0301te\u0301"]),  # an accent alone is no word
        ("a\x00b \x00", ["a", "b"]),
        ("a\u200bb c\u00add a\ufffdb", ["a", "b", "c\u00add", "a", "b"]),  # the blank of width zero parts
        ("𝔘𝔫 𠀀 x", ["𝔘𝔫", "𠀀", "x"]),
    ],
    ids=ascii,
)
def test_words_by_hand(text, words):
    assert split_words(text) == words
    assert count_words(text) == len(words)


ASCII_TEXT = st.text(st.sampled_from("aB19 .:,;'_-\"/@#") | st.characters(max_codepoint=127), max_size=30)


@settings(max_examples=1500, deadline=None)
@given(ASCII_TEXT)
@example("a.1.b 1'2 _'a a:_ 1,a 1.2.3 a..b a_1.2")
def test_ascii_is_cut_as_icu_cuts_it(text):
    assert split_ascii(text) == split_unicode(text)


def test_each_short_ascii_text_is_cut_as_icu_cuts_it():
    letters = "a1._:, '"  # one of each kind of character that UAX 29 tells apart in ASCII
    for first in letters:
        for second in letters:
            for third in letters:
                for fourth in letters:
                    text = first + second + third + fourth
                    assert split_ascii(text) == split_unicode(text), text


def test_each_ascii_character_joins_as_icu_joins_it():
    for code in range(128):
        for text in (f"a{chr(code)}b", f"1{chr(code)}2", f"a{chr(code)}1", f"1{chr(code)}b", f"_{chr(code)}_"):
            assert split_ascii(text) == split_unicode(text), ascii(text)


UNICODE_TEXT = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("猫の写ฉันमे가ـ😀\u200d\ufe0f\u20e31a .")
)


@settings(max_examples=300, deadline=None)
@given(UNICODE_TEXT)
def test_words_are_the_segments_with_a_letter_or_number(text):
    segments = list(WordBreaker(text, "root"))
    assert "".join(segments) == text
    expected = [s.casefold() for s in segments if any(map(str.isalnum, s)) and "\u20e3" not in s]
    assert split_words(text) == expected


def test_workers_get_it_by_name():
    assert pickle.loads(pickle.dumps(split_words))("A cat") == ["a", "cat"]
