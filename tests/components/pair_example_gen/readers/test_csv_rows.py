"""Rows of CSV and TSV files are those of RFC 4180: of a slow oracle, csv, pandas and pyarrow, however many parts."""

import contextlib
import csv
import io
import re

import pandas as pd
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.raw_record import Part, RawRecord
from components.pair_example_gen.readers import csv_lines, csv_reader, csv_rows
from components.pair_example_gen.readers.csv_reader import read_csv, read_tsv

CSV = IngestConfig(shards="s", format="csv")
TSV = IngestConfig(shards="s", format="tsv")
HEADER = b"image,caption\n"


def read_parts(content: bytes, count: int, read=read_csv, config: IngestConfig = CSV) -> list[RawRecord]:
    return [record for index in range(count) for record in read(io.BytesIO(content), Part(index, count), config)]


def machine(text: str, at: int, *, strict: bool = True) -> tuple[list[str], int]:
    """The oracle's machine, over the characters of the whole file.

    Returns the values of the row that begins at `at`, and where it ends; raises ValueError where it is malformed.
    """
    values, value, state = [], "", "start"
    while at < len(text):
        character = text[at]
        if state == "quoted":
            state, value = ("quote", value) if character == '"' else (state, value + character)
        elif state == "quote" and character == '"':
            state, value = "quoted", value + character
        elif character == ",":
            state, value = "start", values.append(value) or ""
        elif character in "\r\n":
            end = text.find("\n", at) + 1 or len(text)
            if text[at:end].strip("\r\n"):
                raise ValueError("a carriage return")
            return [*values, value], end
        elif state == "quote" and strict:
            raise ValueError("text behind a closing quote")
        else:
            state, value = ("quoted", value) if character == '"' and state == "start" else ("text", value + character)
        at += 1
    if state == "quoted" and strict:
        raise ValueError("never closed")
    return [*values, value], at


def line_of(text: str, at: int) -> str:
    return text[at : text.find("\n", at) + 1 or len(text)]


def names_an_image(line: str, columns: list[str]) -> bool:
    try:
        values, _ = machine(line, 0, strict=False)
    except ValueError:
        return False
    return len(values) == len(columns) and values[columns.index("image")].strip().endswith(".jpg")


def oracle(text: str) -> list[tuple[int, tuple]]:
    """Returns (offset, values or ()) of each row; the first is the header."""
    found, at, columns = [], 0, None
    while at < len(text):
        line = line_of(text, at)
        if line.strip(" \r\n"):
            try:
                values, end = machine(text, at)
                lines = re.findall("[^\n]*\n|[^\n]+", text[at:end])
                if end - at > len(line) and (end - at > csv_rows.MAX_ROW_BYTES or len(lines) > csv_rows.MAX_ROW_LINES):
                    raise ValueError("too long")
                if columns and len(values) != len(columns):
                    raise ValueError("values")
                if columns and "image" in columns and sum(names_an_image(each, columns) for each in lines) > 1:
                    raise ValueError("other rows")
                found.append((at, tuple(values)))
            except ValueError:
                end = at + len(line)
                found.append((at, ()))
            columns = columns or list(found[-1][1]) or [""]
            at = end
        else:
            at += len(line)
    return found


def rows_of(content: bytes, count: int = 1) -> list[tuple[int, tuple]]:
    """Returns what `oracle` does, but for the header, from the reader."""
    found = [record for record in read_parts(content, count) if record.name != "header"]
    return [(int(record.name.split()[1]), tuple(record.fields.values())) for record in found]


pieces = st.lists(
    st.sampled_from(["a", '"', '"', ",", "\n", "\n", " ", "\r\n", "\r", "1.jpg", '""', '","', ',"\n']), max_size=40
)


@contextlib.contextmanager
def small():
    """Limits within the reach of a small file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "MAX_ROW_BYTES", 24)
        patch.setattr(csv_rows, "MAX_ROW_LINES", 4)
        patch.setattr(csv_rows, "_LOOK_BACK_BYTES", 2)
        patch.setattr(csv_rows, "_LOOK_BACK_FACTOR", 2)
        patch.setattr(csv_lines, "CHUNK_BYTES", 8)
        patch.setattr(csv_reader, "CHUNK_BYTES", 8)
        yield


@settings(max_examples=300, deadline=None)
@given(pieces)
def test_rows_are_those_of_the_oracle(text):
    text = "image,caption\n" + "".join(text)
    assert rows_of(text.encode()) == oracle(text)[1:]
    with small():
        assert rows_of(text.encode()) == oracle(text)[1:]


@settings(max_examples=300, deadline=None)
@given(
    pieces,
    st.sampled_from(["image,caption\n", "a\n", '"image\n","caption"\n', "\n\nimage,caption\n", ""]),
    st.integers(2, 9),
)
def test_parts_of_any_text_are_its_records(text, header, count):
    content = (header + "".join(text)).encode()
    with small():
        assert read_parts(content, count) == read_parts(content, 1)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.integers(2, 9))
def test_parts_of_any_bytes_are_its_records(content, count):
    with small():
        assert read_parts(HEADER + content, count) == read_parts(HEADER + content, 1)


def test_parts_of_rows_that_no_single_line_tells_apart():
    """Before any line a value may be open or not: both ways all quotes match to the file's end."""
    content = HEADER + b'1.png,"\n' * 40
    with small():
        assert read_parts(content, 7) == read_parts(content, 1)
        assert len(read_parts(content, 1)) == 40


cells = st.text(st.sampled_from('ab",\n\t é'), max_size=8)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(cells, cells), max_size=12),
    st.integers(1, 9),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_parts_together_are_the_rows_that_csv_wrote(rows, count, quoting):
    buffer = io.StringIO()
    csv.writer(buffer, quoting=quoting, lineterminator="\n").writerows([("image", "caption"), *rows])
    content = buffer.getvalue().encode()
    assert [values for _, values in rows_of(content, count)] == rows


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(cells, cells), max_size=12))
def test_well_formed_rows_are_those_of_pandas_and_pyarrow(rows):
    rows = [(f"{number}.png{name}", caption) for number, (name, caption) in enumerate(rows)]
    frame = pd.DataFrame(rows, columns=["image", "caption"])
    content = frame.to_csv(index=False, quoting=csv.QUOTE_ALL).encode()
    found = [values for _, values in rows_of(content)]
    back = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    assert found == list(back.itertuples(index=False, name=None))
    options = pyarrow.csv.ParseOptions(newlines_in_values=True)
    types = pyarrow.csv.ConvertOptions(column_types={"image": pyarrow.string(), "caption": pyarrow.string()})
    table = pyarrow.csv.read_csv(io.BytesIO(content), parse_options=options, convert_options=types)
    assert found == [(row["image"], row["caption"]) for row in table.to_pylist()]


@settings(max_examples=100, deadline=None)
@given(st.lists(cells, max_size=12), st.integers(1, 7))
def test_parts_of_a_tsv_are_its_rows(captions, count):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t", lineterminator="\n")
    writer.writerows([("image", "caption"), *((f"{index}.png", caption) for index, caption in enumerate(captions))])
    found = read_parts(buffer.getvalue().encode(), count, read_tsv, TSV)
    assert [record.fields["caption"] for record in found] == captions
