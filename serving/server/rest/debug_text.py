"""A JSON value as TensorFlow Serving shows it in errors: as RapidJSON's PrettyWriter writes it, cut after 256 bytes."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

LIMIT = 256  # bytes; kMaxJsonDebugStringBytes of util/json_tensor.cc. A token that begins before it is written whole
_INDENT = "    "
_ESCAPES = {
    **{code: f"\\u{code:04X}" for code in range(0x20)},
    **{ord("\b"): "\\b", ord("\t"): "\\t", ord("\n"): "\\n", ord("\f"): "\\f", ord("\r"): "\\r"},
    **{ord('"'): '\\"', ord("\\"): "\\\\"},
}


class _Full(Exception):
    """No more is written."""


def quoted(text: str) -> str:
    """Returns a string as RapidJSON writes it: what is not ASCII as it is."""
    return f'"{text.translate(_ESCAPES)}"'


def type_name(value: Any) -> str:
    """Returns RapidJSON's name of a JSON value's type."""
    if value is None or isinstance(value, bool):
        return {None: "Null", True: "True", False: "False"}[value]
    if isinstance(value, (dict, list)):
        return "Object" if isinstance(value, dict) else "Array"
    return "String" if isinstance(value, str) else "Number"


def debug_text(value: Any) -> str:
    """Returns a JSON value on a few lines, cut where it grows long.

    Examples:
      >>> debug_text({"a": [1, 2.0, None]})
      '{\\n    "a": [1, 2.0, null]\\n}'
    """
    writer = _Writer()
    with suppress(_Full):
        writer.write(value, 0)
    return "".join(writer.parts)


class _Writer:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self._bytes = 0

    def write(self, value: Any, depth: int, before: str = "") -> None:
        """Writes a value at a depth; `before` is what separates it from the one before."""
        if isinstance(value, list):
            self._token(before, "[")
            for position, item in enumerate(value):
                self.write(item, depth + 1, ", " if position else "")
            self._token("", "]")
        elif isinstance(value, dict):
            self._token(before, "{")
            for position, (key, item) in enumerate(value.items()):
                self._token(("," if position else "") + "\n" + _INDENT * (depth + 1), quoted(key))
                self.write(item, depth + 1, ": ")
            self._token("\n" + _INDENT * depth if value else "", "}")
        elif isinstance(value, float) and not math.isfinite(value):
            self._token(before, "")  # RapidJSON writes no such number, and stops
            raise _Full
        else:
            self._token(before, _scalar(value))

    def _token(self, before: str, token: str) -> None:
        if self._bytes >= LIMIT:
            raise _Full
        self.parts += (before, token)
        self._bytes += len((before + token).encode("utf-8", "surrogateescape"))


def _scalar(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return quoted(value)
    return str(value) if isinstance(value, int) else _double(value)


def _double(value: float) -> str:
    """Returns the shortest digits of a double as RapidJSON lays them out (internal/dtoa.h)."""
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    place = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))  # of the point among the digits
    digits = digits.rstrip("0")
    if not digits:
        return sign + "0.0"
    if len(digits) <= place <= 21:
        return f"{sign}{digits.ljust(place, '0')}.0"
    if 0 < place <= 21:
        return f"{sign}{digits[:place]}.{digits[place:]}"
    if -6 < place <= 0:
        return f"{sign}0.{'0' * -place}{digits}"
    return f"{sign}{digits[0]}{'.' * (len(digits) > 1)}{digits[1:]}e{place - 1}"
