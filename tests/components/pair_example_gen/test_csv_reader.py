"""Rows of CSV and TSV files are those of RFC 4180, in one part or in many; a malformed row costs that row alone."""

import contextlib
import csv
import io
import re

import pandas as pd
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_example_gen import csv_lines, csv_reader, csv_rows, reasons
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.csv_reader import read_csv, read_tsv
from components.pair_example_gen.raw_record import Part, RawRecord

CSV = IngestConfig(shards="s", format="csv")
TSV = IngestConfig(shards="s", format="tsv")
HEADER = b"image,caption\n"


def read_parts(content: bytes, count: int, read=read_csv, config: IngestConfig = CSV) -> list[RawRecord]:
    return [record for index in range(count) for record in read(io.BytesIO(content), Part(index, count), config)]


def pairs(records: list[RawRecord]) -> list[tuple[str, object]]:
    return [(record.path, record.fields.get("caption", record.flaw)) for record in records]


def test_a_row_is_a_record_with_the_images_path():
    content = b'\xef\xbb\xbfimage,caption\r\na/1.JPG," two\nlines, ""quoted"""\r\n\r\n2.png,5" pipe\n'
    first, second = read_csv(io.BytesIO(content), Part(), CSV)
    assert (first.path, first.extension) == ("a/1.JPG", "jpg")
    assert first.fields["caption"] == ' two\nlines, "quoted"'
    assert (second.path, second.fields["caption"]) == ("2.png", '5" pipe')


def test_a_tsv_quotes_as_pandas_writes_it():
    rows = [("1.png", 'He said "hi"\tand left'), ("2.png", '5" pipe'), ("3.png", "plain")]
    content = pd.DataFrame(rows, columns=["image", "caption"]).to_csv(sep="\t", index=False).encode()
    assert pairs(read_parts(content, 1, read_tsv, TSV)) == rows


def test_columns_stand_in_for_a_header():
    config = IngestConfig(shards="s", format="tsv", columns=("caption", "image"))
    (record,) = read_tsv(io.BytesIO(b"a cat\t1.png\n"), Part(), config)
    assert (record.path, record.fields["caption"]) == ("1.png", "a cat")


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (b"1.png", "1 values for 2 columns"),
        (b"1.png,a,b", "3 values for 2 columns"),
        (b'1.png,"never closed', "a quote that is never closed"),
        (b'1.png,"closed" early', "text behind a closing quote"),
        (b'1.png,"by a \\"backslash\\""', "text behind a closing quote"),
        (b"1.png,a\rb", "a carriage return in a value without quotes"),
        (b"1.png,a\0b", "a NUL byte"),
    ],
)
def test_a_malformed_row_is_named_and_the_next_is_read(row, wrong):
    broken, good = read_csv(io.BytesIO(HEADER + row + b"\n2.png,good\n"), Part(), CSV)
    assert broken.flaw == reasons.MALFORMED_ROW
    assert wrong in broken.detail
    assert (good.path, good.fields["caption"]) == ("2.png", "good")


def numbered(**changed: str) -> bytes:
    captions = {str(number): f"row {number}" for number in range(3000)} | {
        key[1:]: text for key, text in changed.items()
    }
    return HEADER + "".join(f"{number}.png,{caption}\n" for number, caption in captions.items()).encode()


@pytest.mark.parametrize(
    "content",
    [
        numbered(_7='"stray'),  # never closed
        numbered(_7='"stray', _2500='a 5" pipe'),  # text stands behind what would close it
        numbered(_7='"stray', _2500='a TV of 24"'),  # a sound row of 2494 lines, by quotes alone
        numbered(_7='"stray', _9='a TV of 24"'),
        numbered(_7='"stray', _8='a TV of 24"'),
        numbered(_7='"stray', _300='a, b 24"'),  # a sound row of three values
    ],
)
def test_a_stray_quote_costs_its_row(content):
    found = read_parts(content, 1)
    assert next(record.name for record in found if record.flaw == reasons.MALFORMED_ROW) == found[7].name
    assert [found[number].path for number in (6, 8, 1500, 2999)] == ["6.png", "8.png", "1500.png", "2999.png"]
    assert len(found) == 3000


def test_captions_of_several_lines_are_no_stray_quotes():
    text = "".join(f'"1, {number}\nand a line, of text\n",{number}.png\n' for number in range(20))
    found = read_parts(b"caption,image\n" + text.encode(), 1)
    assert pairs(found) == [(f"{number}.png", f"1, {number}\nand a line, of text\n") for number in range(20)]


def test_a_row_that_spans_too_many_lines_costs_its_first():
    content = HEADER + b'2.png,"' + b"x\n" * csv_rows.MAX_ROW_LINES + b'"\n3.png,y\n'
    first, *others = read_parts(content, 1)
    assert (first.flaw, others[-1].path) == (reasons.MALFORMED_ROW, "3.png")
    assert len(others) == csv_rows.MAX_ROW_LINES + 1  # each line is a row of one value, which is counted


def test_a_line_without_end_is_cut_and_what_follows_is_read():
    content = HEADER + b"1.png," + b"x" * 3 * csv_lines.MAX_LINE_BYTES + b"\n2.png,y\n"
    assert [record.flaw for record in read_csv(io.BytesIO(content), Part(), CSV)] == [reasons.MALFORMED_ROW, ""]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(end, count):
    content = end.join(["image,caption", "1.png,one", "", '2.png,"two, and"', "3.png,three"]).encode()
    assert pairs(read_parts(content, count)) == [("1.png", "one"), ("2.png", "two, and"), ("3.png", "three")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_a_file_in_utf16_says_so(encoding):
    header, *rows = read_parts("image,caption\n1.png,é\n2.png,ü\n".encode(encoding), 1)
    assert (header.flaw, "save it as UTF-8" in header.detail or "UTF-16" in header.detail) == (
        reasons.CORRUPT_FILE,
        True,
    )
    assert {row.flaw for row in rows} == {reasons.MALFORMED_ROW}


# The slow oracle: one machine over the characters of the whole file.


def machine(text: str, at: int, *, strict: bool = True) -> tuple[list[str], int]:
    """Returns the values of the row that begins at `at` and where it ends; raises ValueError where it is malformed."""
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


@pytest.mark.parametrize("read", [read_csv, read_tsv])
@pytest.mark.parametrize(("content", "rows"), [(b"", 0), (b"\0" * 2_000_000, 0), (b"\0" * 2_000_000 + b"\n1.png\n", 1)])
def test_a_file_without_a_header_is_named_and_its_rows_are_counted(read, content, rows):
    first, *others = read(io.BytesIO(content), Part(), CSV)
    assert (first.name, first.flaw) == ("header", reasons.CORRUPT_FILE)
    assert [(record.flaw, record.path) for record in others] == [("", "")] * rows  # no_image, then


def test_a_file_with_a_header_alone_has_no_record():
    assert list(read_csv(io.BytesIO(b"image,caption\n"), Part(), CSV)) == []
