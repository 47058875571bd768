"""Tells language tags from other texts: row numbers, names such as "English", what a broken column holds.

A tag is well-formed by BCP 47 (RFC 5646, section 2.1), with a primary subtag of two or three letters: no other was ever
registered. Whether anybody speaks it is not asked: "cat" is Catalan, and a column of such classes passes.
"""

from __future__ import annotations

import re

_FASTTEXT_PREFIX = "__label__"  # which fastText's language identifiers write before each tag
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3}(?:-[a-z]{3}){0,3})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<more>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wyz](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)"
)


def language_tag(text: str) -> str | None:
    """Returns a language tag as BCP 47 spells it, or None where the text is none.

    Letter case and underscores are forgiven, and fastText's prefix: "pt_br" and "__label__pt-BR" are "pt-BR",
    "zho_Hant" is "zho-Hant".
    """
    if not text.isascii():  # the Kelvin sign's lower case is a plain k
        return None
    found = _TAG.fullmatch(text.strip().removeprefix(_FASTTEXT_PREFIX).lower().replace("_", "-"))
    if not found:
        return None
    script, region = (found[name] or "" for name in ("script", "region"))
    return "-".join(filter(None, (found["language"], script.title(), region.upper()))) + found["more"]
