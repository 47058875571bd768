"""JSON as RapidJSON 1.1.0 reads it, by which TensorFlow Serving parses requests: what it takes, and its errors' words.

It takes NaN, Inf and Infinity, bytes that are no UTF-8, and anything behind the first value; a comma before an end it
does not take. A whole number of more than 64 bits is a double, and a double is never a whole number.

We differ: of a key that stands twice in an object the last one counts (RapidJSON finds the first), a double is rounded
correctly (RapidJSON is off by a few units in the last place of a double), and nesting has a limit.
"""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn

import orjson

MAX_DEPTH = 1000  # RapidJSON has no limit; TensorFlow Serving's stack has

_SPACE = re.compile(rb"[ \t\r\n]*")
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_DIGITS = re.compile(rb"[0-9]*")
_HEX = re.compile(rb"[0-9a-fA-F]{4}")
_NO_VALUE = (b"", b"]", b"}", b",", b":")
_WORDS = {b"t": (b"true", True), b"f": (b"false", False), b"n": (b"null", None)}
_ESCAPES = {b'"': b'"', b"/": b"/", b"\\": b"\\", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_TENTH_OF_THE_LARGEST = 1.7976931348623157e307
_MOST_DIGITS = 310  # of a double's whole part; Python reads no number of thousands of them


class JsonError(ValueError):
    """A text that is no JSON; the message is RapidJSON's, with the offset in bytes."""


def parse(text: bytes) -> Any:
    """Returns the value that a JSON text begins with.

    Objects are dicts, arrays lists, strings str (bytes that are no UTF-8 by "surrogateescape"), whole numbers of up to
    64 bits int, all others float.

    Raises:
      JsonError: where RapidJSON stops.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _Reader(text).read()


class _Reader:
    """Reads what a strict parser refuses, by RapidJSON's reader.h; without recursion."""

    def __init__(self, text: bytes) -> None:
        self._text = text.partition(b"\0")[0]  # a null byte is the end
        self._at = 0
        for byte in (b"\xef", b"\xbb", b"\xbf"):  # a byte order mark, or a part of one
            self._ends(byte)

    def read(self) -> Any:
        self._skip_space()
        if self._peek() in _NO_VALUE:
            self._fail("The document is empty.")
        around: list[tuple[Any, str]] = []  # each container that is open, and the key that its next value has
        while True:
            value, is_open = self._begin()
            if is_open:
                around.append((value, self._key() if isinstance(value, dict) else self._element()))
                if len(around) > MAX_DEPTH:
                    self._fail(f"Lists and objects nest deeper than {MAX_DEPTH}.")
                continue
            while True:  # a value is whole; what is around it may be
                if not around:
                    return value
                container, key = around.pop()
                if isinstance(container, dict):
                    container[key] = value
                    end, missing = b"}", "Missing a comma or '}' after an object member."
                else:
                    container.append(value)
                    end, missing = b"]", "Missing a comma or ']' after an array element."
                self._skip_space()
                if self._peek() == b",":
                    self._take()
                    around.append((container, self._key() if isinstance(container, dict) else self._element()))
                    break
                if self._peek() != end:
                    self._fail(missing)
                self._at += 1
                value = container

    def _begin(self) -> tuple[Any, bool]:
        """Returns the value that begins here, and whether it is a container that goes on."""
        first = self._peek()
        if first == b"[":
            self._take()
            return [], not self._ends(b"]")
        if first == b"{":
            self._take()
            return {}, not self._ends(b"}")
        if first == b'"':
            return self._string(), False
        if first in _WORDS:
            word, value = _WORDS[first]
            if not self._all(word):
                self._fail("Invalid value.")
            return value, False
        return self._number(), False

    def _ends(self, end: bytes) -> bool:
        found = self._peek() == end
        self._at += found
        return found

    def _element(self) -> str:
        if self._peek() in _NO_VALUE:
            self._fail("Invalid value.")
        return ""

    def _key(self) -> str:
        if self._peek() != b'"':
            self._fail("Missing a name for object member.")
        key = self._string()
        self._skip_space()
        if self._peek() != b":":
            self._fail("Missing a colon after a name of object member.")
        self._take()
        self._element()
        return key

    def _string(self) -> str:
        self._at += 1
        parts = []
        while True:
            plain = _PLAIN.match(self._text, self._at)
            parts.append(plain[0])  # type: ignore[index]  # an empty match is one
            self._at = plain.end()  # type: ignore[union-attr]
            stop = self._peek()
            if stop == b'"':
                self._at += 1
                return b"".join(parts).decode("utf-8", "surrogateescape")
            if stop == b"":
                self._fail("Missing a closing quotation mark in string.")
            if stop != b"\\":
                self._fail("Invalid escape character in string.")
            start = self._at
            escaped = self._text[start + 1 : start + 2]
            self._at += 2
            if escaped in _ESCAPES:
                parts.append(_ESCAPES[escaped])
            elif escaped == b"u":
                parts.append(self._code_point(start).encode("utf-8", "surrogatepass"))
            else:
                self._fail("Invalid escape character in string.", start)

    def _code_point(self, start: int) -> str:
        high = self._hex(start)
        if not 0xD800 <= high <= 0xDBFF:
            return chr(high)
        if self._text[self._at : self._at + 2] != b"\\u":
            self._fail("The surrogate pair in string is invalid.", start)
        self._at += 2
        low = self._hex(start)
        if not 0xDC00 <= low <= 0xDFFF:
            self._fail("The surrogate pair in string is invalid.", start)
        return chr(0x10000 + (high - 0xD800 << 10) + low - 0xDC00)

    def _hex(self, start: int) -> int:
        digits = _HEX.match(self._text, self._at)
        if digits is None:
            self._fail("Incorrect hex digit after \\u escape in string.", start)
        self._at += 4
        return int(digits[0], 16)

    def _number(self) -> int | float:
        start = self._at
        minus = self._ends(b"-")
        if self._peek() == b"0":
            self._at += 1
            whole = b"0"
        else:
            whole = self._digits()
        named = self._not_a_number(minus) if not whole else None
        if len(whole) > _MOST_DIGITS:
            self._fail("Number too big to be stored in double.", start)
        magnitude, significant = int(whole or b"0"), max(len(whole) - 1, 0)
        is_double = magnitude > (2**63 if minus else 2**64 - 1)
        if is_double:
            if int(whole[:-1]) >= _TENTH_OF_THE_LARGEST:
                self._fail("Number too big to be stored in double.", start)
            significant = 18 if minus else 19  # what fitted into 64 bits before
        shift = 0  # RapidJSON's expFrac: digits of the fraction that it did not leave out
        if self._ends(b"."):
            fraction = self._digits()
            if not fraction:
                self._fail("Miss fraction part in number.")
            shift, is_double = _kept_digits(0 if is_double else magnitude, significant, fraction, is_double), True
        if self._peek() in (b"e", b"E"):
            self._at += 1
            is_double = True
            falls = self._peek() == b"-"
            self._at += self._peek() in (b"-", b"+")
            exponent = self._digits()
            if not exponent:
                self._fail("Miss exponent in number.")
            if not falls and len(exponent) > 1 and int(exponent.lstrip(b"0")[:10] or b"0") > 308 + shift:
                self._fail("Number too big to be stored in double.", start)
        if named is not None:
            return named
        return float(self._text[start : self._at]) if is_double else -magnitude if minus else magnitude

    def _not_a_number(self, minus: bool) -> float:
        """Reads NaN, Inf or Infinity; a fraction or an exponent may follow, as RapidJSON has it."""
        if self._all(b"NaN"):
            return math.nan
        if not self._all(b"Inf") or (self._peek() == b"i" and not self._all(b"inity")):
            self._fail("Invalid value.")
        return -math.inf if minus else math.inf

    def _all(self, letters: bytes) -> bool:
        """Takes these letters as far as they are there, and says whether all were."""
        return all(self._ends(bytes([letter])) for letter in letters)

    def _digits(self) -> bytes:
        digits = _DIGITS.match(self._text, self._at)
        self._at = digits.end()  # type: ignore[union-attr]  # an empty match is one
        return digits[0]  # type: ignore[index]

    def _peek(self) -> bytes:
        return self._text[self._at : self._at + 1]

    def _take(self) -> None:
        self._at += 1
        self._skip_space()

    def _skip_space(self) -> None:
        self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # an empty match is one

    def _fail(self, what: str, at: int | None = None) -> NoReturn:
        raise JsonError(f"{what} at offset: {self._at if at is None else at}")


def _kept_digits(magnitude: int, significant: int, fraction: bytes, is_double: bool) -> int:
    """Returns how many digits of a fraction RapidJSON counts; it leaves out those past the seventeenth significant."""
    kept = 0
    for digit in fraction:
        if is_double or magnitude > 2**53 - 1:
            if significant >= 17:
                break
            is_double = True
        magnitude = magnitude * 10 + digit - ord("0")
        kept += 1
        significant += magnitude != 0
    return kept
