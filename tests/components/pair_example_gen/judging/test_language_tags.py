"""Which texts are language tags: what data sets and language identifiers write, and what broken columns hold."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pair_example_gen.judging.language_tags import language_tag


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        *((same, same) for same in ("und", "en", "ceb", "zh-Hant", "pt-BR", "sr-Latn-RS", "es-419", "bg-Latn")),  # CLD3
        *((same, same) for same in ("zh-yue", "de-CH-1996", "sl-rozaj-biske", "en-a-bbb-x-a-ccc", "de-x-goethe")),
        ("EN", "en"),
        (" fr\n", "fr"),
        ("pt_BR", "pt-BR"),  # POSIX and CLDR
        ("zho_hant", "zho-Hant"),  # NLLB and OpenLID
        ("__label__eng_Latn", "eng-Latn"),  # fastText's own output
        ("mn-cYRL-mn", "mn-Cyrl-MN"),  # RFC 5646, section 2.1.1
    ],
)
def test_tags_are_spelt_as_bcp_47_has_them(written, tag):
    assert language_tag(written) == tag
    assert language_tag(tag) == tag


@pytest.mark.parametrize(
    "text",
    [
        *("", "0", "4711", "1.0", "e", "English", "Deutsch", "null", "None", "en US", "en--US", "en-", "-en", "en-x"),
        *("en_US.UTF-8", "a man on a horse", "en,de", "http://x/y", "i-klingon", "中文", "\u0661\u0662", "\udcff"),
        "\u212ao",  # a Kelvin sign, whose lower case is a plain k
    ],
)
def test_what_is_no_tag(text):
    assert language_tag(text) is None


@given(st.text(string.ascii_letters + string.digits + "-_", max_size=12) | st.text(max_size=6))
def test_a_tag_is_ascii_and_stays_itself(text):
    tag = language_tag(text)
    assert tag is None or (tag.isascii() and language_tag(tag) == tag and not set("_ ") & set(tag))
