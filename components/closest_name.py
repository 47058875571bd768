"""Finds the name that was meant where one that does not exist was written."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns "; did you mean 'x'?" where one of the known names is like it, else "".

    Letter case and white space do not count, and names that differ in these alone are the closest.
    """
    plain = {_plain(each): each for each in sorted(known, reverse=True)}
    close = difflib.get_close_matches(_plain(name), plain, n=1)
    return f"; did you mean {plain[close[0]]!r}?" if close else ""


def _plain(name: str) -> str:
    return "".join(name.casefold().split())
