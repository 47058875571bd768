"""Divides the lines of a CSV or TSV into rows by RFC 4180, so that a malformed row costs that row alone.

A value that begins with a quote ends with one; inside it, line ends and delimiters are text, and so is a quote that is
written twice. A quote elsewhere, as in 5" pipe, is text too, as every common reader has it. Then
- a row on one line has the header's number of values, or is malformed;
- a row may span lines, at most MAX_ROW_LINES and MAX_ROW_BYTES. Where its quotes do not match, its number of values is
  wrong or it swallowed other rows, its first line is malformed, and reading goes on at the second. It swallowed rows
  where two of its lines or more, each by itself, have the header's number of values and in them an image file's name in
  its place: that is a stray quote which another, at the end of a later value, seems to close.

Whether a line begins a row depends on all lines before it. Yet there are only two cases, and nearly always they agree
after a few lines: `first_row` finds where, so that each part of a file can be read by itself.
"""

from __future__ import annotations

import csv
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from components.pair_example_gen.judging.images import EXTENSIONS
from components.pair_example_gen.raw_record import extension_of
from components.pair_example_gen.readers.csv_lines import MAX_LINE_BYTES

MAX_ROW_BYTES = 128 * 1024  # of a row that spans lines: the csv module takes no longer value
MAX_ROW_LINES = 1000
_BOM = "\ufeff"
_LOOK_BACK_BYTES = 4096  # of `first_row`, at first
_LOOK_BACK_FACTOR = 8  # of each further look
_OPEN, _CLOSED = "open", "closed"

Row = tuple[int, Sequence[str], str]  # offset in bytes, values, what is wrong or ""


class OpenQuote(Exception):
    """A line behind which a quoted value goes on."""


@dataclass(frozen=True)
class Dialect:
    """How values are told apart.

    Attributes:
      delimiter: one character.
      quote: one character, or "" where none quotes.
    """

    delimiter: str
    quote: str = '"'

    def values(self, text: str) -> list[str]:
        """Returns the values of one line, with half surrogates for what is no UTF-8.

        Raises:
          OpenQuote: where it is the first line of several.
          csv.Error: where it is malformed.
        """
        if "\0" in text:
            raise csv.Error("a NUL byte; a file in UTF-16 must be saved as UTF-8")
        if not self.quote or self.quote not in text:
            text = text.rstrip("\r\n")
            if "\r" in text:
                raise csv.Error("a carriage return in a value without quotes")
            return text.split(self.delimiter)
        return self.join(_one(text))

    def join(self, texts: Iterable[str]) -> list[str]:
        """Returns the values of the row that has these lines; raises as `values` does."""
        try:
            return next(csv.reader(texts, delimiter=self.delimiter, quotechar=self.quote, strict=True))
        except csv.Error as error:
            if "expected after" in str(error):
                raise csv.Error("text behind a closing quote; a quote inside quotes must be written twice") from error
            raise

    def start(self, text: str) -> list[str]:
        """Returns the values of a line whose last may go on; raises csv.Error."""
        return next(csv.reader([text], delimiter=self.delimiter, quotechar=self.quote), [])


def _one(text: str) -> Iterator[str]:
    yield text
    raise OpenQuote


class _Line:
    """A line of a file, as it stands and as one before which a quoted value is open."""

    def __init__(self, offset: int, line: bytes) -> None:
        self.offset = offset
        self.size = len(line)
        self.text = line.decode("utf-8", "surrogateescape")
        if not offset:
            self.text = self.text.removeprefix(_BOM)
        self._continued: str | None = None
        self.is_row: bool | None = None  # what `Rows` found of it

    def continued(self, dialect: Dialect) -> str:
        """Returns _OPEN or _CLOSED for the quoted value that goes on here and those behind it, or what is wrong."""
        if self._continued is None:
            try:
                dialect.values(dialect.quote + self.text)
                self._continued = _CLOSED
            except OpenQuote:
                self._continued = _OPEN
            except csv.Error as error:
                self._continued = str(error)
        return self._continued


class Rows:
    """The rows of a file from one line on, without those that are blank.

    Attributes:
      columns: names of the columns; empty until the header is read, which may have any number.
      stop: offset behind the last row's last line.
    """

    def __init__(
        self, lines: Iterator[tuple[int, bytes]], dialect: Dialect, columns: Sequence[str] = (), image_field: str = ""
    ) -> None:
        self.columns = columns
        self.stop = 0
        self._lines = (_Line(offset, line) for offset, line in lines)
        self._dialect = dialect
        self._image_field = image_field
        self._held: deque[_Line] = deque()  # lines that were looked at behind the row that is read

    def __iter__(self) -> Iterator[Row]:
        while line := self._held.popleft() if self._held else next(self._lines, None):
            self.stop = line.offset + line.size
            if not line.text.strip(" \r\n"):
                continue
            try:
                try:
                    values = self._on_one_line(line)
                except OpenQuote:
                    values = self._on_several_lines(line)
                yield line.offset, values, ""
            except csv.Error as error:
                yield line.offset, (), str(error)

    def behind(self, lines: Iterator[tuple[int, bytes]]) -> Rows:
        """Returns the rows that other lines of the same file hold."""
        return Rows(lines, self._dialect, self.columns, self._image_field)

    def close_open(self) -> int | None:
        """Returns the offset behind the lines on which a value that is open before the first line ends a sound row."""
        size = 0
        for count, line in enumerate(self._lines, 1):
            size += line.size
            state = line.continued(self._dialect)
            if state != _OPEN or size > MAX_ROW_BYTES or count > MAX_ROW_LINES:
                sound = state == _CLOSED and size <= MAX_ROW_BYTES and count <= MAX_ROW_LINES
                return line.offset + line.size if sound else None
        return None

    def _on_one_line(self, line: _Line) -> list[str]:
        if line.size > MAX_LINE_BYTES:
            raise csv.Error(f"a line of more than {MAX_LINE_BYTES} bytes")
        values = self._dialect.values(line.text)
        self._check_number(values)
        return values

    def _on_several_lines(self, line: _Line) -> list[str]:
        """Returns the values of the row that begins with a line that ends inside quotes, and takes its other lines."""
        row, size, state = [line], line.size, _OPEN
        while state == _OPEN:
            if len(row) > len(self._held):
                following = next(self._lines, None)
                if following is None:
                    raise csv.Error("a quote that is never closed")
                self._held.append(following)
            row.append(self._held[len(row) - 1])
            size += row[-1].size
            if size > MAX_ROW_BYTES or len(row) > MAX_ROW_LINES:
                raise csv.Error(f"a quote that is not closed within {MAX_ROW_LINES} lines and {MAX_ROW_BYTES} bytes")
            state = row[-1].continued(self._dialect)
        if state != _CLOSED:
            raise csv.Error(state)
        values = self._dialect.join(line.text for line in row)
        self._check_number(values)
        if self._image_field in self.columns and sum(map(self._names_an_image, row)) > 1:
            raise csv.Error("a quote that is closed only lines later, behind other rows")
        for _ in row[1:]:
            self._held.popleft()
        self.stop = row[-1].offset + row[-1].size
        return values

    def _check_number(self, values: Sequence[str]) -> None:
        if self.columns and len(values) != len(self.columns):
            raise csv.Error(f"{len(values)} values for {len(self.columns)} columns")

    def _names_an_image(self, line: _Line) -> bool:
        """Says whether a line would be a row by itself that names an image file, if it may end inside quotes."""
        if line.is_row is None:
            try:
                values = self._dialect.start(line.text)
            except csv.Error:
                values = []
            path = values[self.columns.index(self._image_field)] if len(values) == len(self.columns) else ""
            line.is_row = extension_of(path.strip()) in EXTENSIONS
        return line.is_row


def first_row(rows_at: Callable[[int], Rows], start: int, floor: int) -> int:
    """Returns an offset from which rows can be read so that those that begin at or behind `start` are the file's own.

    A line at which we begin to look either begins a row or lies inside one. If it does lie inside, then a quoted value
    is open there, and the next row begins where that row ends. Where both cases come to the same line, rows from there
    on are certain.

    Args:
      rows_at: offset -> the rows from the first line on that begins there or later.
      start: offset of a part of the file.
      floor: offset of the file's first row; from there on, too, rows are certain.
    """
    back = _LOOK_BACK_BYTES
    while start - back > floor:
        begin = start - back
        inside = rows_at(begin).close_open()
        if inside is None:
            return begin
        begins = {offset for offset, _, _ in _until(rows_at(begin), start)}
        for offset, _, _ in _until(rows_at(inside), start):
            if offset in begins:
                return offset
        back *= _LOOK_BACK_FACTOR
    return floor


def _until(rows: Rows, stop: int) -> Iterator[Row]:
    """Yield the rows that begin at or before `stop`."""
    return itertools.takewhile(lambda row: row[0] <= stop, rows)
