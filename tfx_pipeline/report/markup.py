"""Builds HTML by element, so that text is escaped unless it is Markup already."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Union

_VOID = frozenset({"img", "meta", "br", "line", "polyline", "circle"})  # elements without content


class Markup(str):
    """HTML that needs no more escaping."""

    __slots__ = ()


Child = Union[str, int, None, Iterable["Child"]]  # noqa: UP007  a recursive alias that Python 3.10 can evaluate


def tag(element: str, /, *children: Child, **attributes: object) -> Markup:
    """Build one element.

    Args:
      element: its name.
      *children: text to escape, Markup, None to leave out, or iterables of these.
      **attributes: values are escaped; None leaves an attribute out. A trailing underscore is dropped from names that
        Python reserves (class_), others stand for hyphens (text_anchor).

    Returns:
      The element.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if element in _VOID:
        return Markup(f"<{element}{written}>" if element in ("img", "meta", "br") else f"<{element}{written}/>")
    return Markup(f"<{element}{written}>{join(children)}</{element}>")


def join(children: Child) -> Markup:
    """Returns children one after another, escaped where they are not Markup."""
    if children is None:
        return Markup("")
    if isinstance(children, Markup):
        return children
    if isinstance(children, (str, int)):
        return Markup(_escape(str(children)))
    return Markup("".join(join(child) for child in children))


def _escape(text: str) -> str:
    """Returns text that is safe between tags and in quoted attributes, and that UTF-8 can hold."""
    printable = "".join(character for character in text if character in "\n\t" or character >= " ")
    return html.escape(printable.encode("utf-8", "replace").decode(), quote=True)
