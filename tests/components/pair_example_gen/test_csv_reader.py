"""Rows of CSV and TSV files are read as Python's csv reads them, in one part or in many."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_example_gen import csv_lines, reasons
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.csv_lines import entries
from components.pair_example_gen.csv_reader import read_csv, read_tsv, scan_csv
from components.pair_example_gen.raw_record import Part, RawRecord

CSV = IngestConfig(shards="s", format="csv")
TSV = IngestConfig(shards="s", format="tsv")


def read_parts(content: bytes, count: int, config: IngestConfig = CSV) -> list[RawRecord]:
    parts = [Part(index, count) for index in range(count)]
    scans = [scan_csv(io.BytesIO(content), part) for part in parts]
    return [
        record
        for part, is_open in zip(parts, entries(scans), strict=True)
        for record in read_csv(io.BytesIO(content), part, config, is_open)
    ]


def test_a_row_is_a_record_with_the_images_path():
    content = b'\xef\xbb\xbfimage,caption\r\na/1.JPG," two\nlines, ""quoted"""\r\n\r\n2.png,5" pipe\n'
    first, second = read_csv(io.BytesIO(content), Part(), CSV)
    assert (first.path, first.extension) == ("a/1.JPG", "jpg")
    assert first.fields["caption"] == ' two\nlines, "quoted"'
    assert (second.path, second.fields["caption"]) == ("2.png", '5" pipe')


def test_a_tsv_does_not_quote():
    (record,) = read_tsv(io.BytesIO(b'image\tcaption\n1.png\t"half\n'), Part(), TSV)
    assert record.fields == {"image": "1.png", "caption": '"half'}


def test_columns_stand_in_for_a_header():
    config = IngestConfig(shards="s", format="tsv", columns=("caption", "image"))
    (record,) = read_tsv(io.BytesIO(b"a cat\t1.png\n"), Part(), config)
    assert (record.path, record.fields["caption"]) == ("1.png", "a cat")


@pytest.mark.parametrize(
    ("row", "flaw"),
    [
        (b"1.png", reasons.MALFORMED_ROW),
        (b"1.png,a,b", reasons.MALFORMED_ROW),
        (b'1.png,"never closed', reasons.MALFORMED_ROW),
        (b"1.png,a\rb", reasons.MALFORMED_ROW),
    ],
)
def test_a_malformed_row_is_named(row, flaw):
    assert [record.flaw for record in read_csv(io.BytesIO(b"image,caption\n" + row + b"\n"), Part(), CSV)] == [flaw]


def test_a_quote_that_never_closes_costs_at_most_a_megabyte():
    row = b"1.png,x\n"
    behind = row * (2 * csv_lines.MAX_RECORD_BYTES // len(row))
    found = list(read_csv(io.BytesIO(b'image,caption\n2.png,"\n' + behind), Part(), CSV))
    assert found[0].flaw == reasons.MALFORMED_ROW
    assert len(found) > len(behind) // len(row) // 3
    assert {record.flaw for record in found[1:]} == {""}


def test_a_line_without_end_is_cut_and_what_follows_is_read():
    content = b"image,caption\n1.png," + b"x" * 3 * csv_lines.MAX_RECORD_BYTES + b"\n2.png,y\n"
    assert [record.flaw for record in read_csv(io.BytesIO(content), Part(), CSV)] == [reasons.MALFORMED_ROW, ""]


cells = st.text(st.sampled_from('ab",\n\r\t é'), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(cells, cells), max_size=12), st.integers(1, 9))
def test_parts_together_are_the_rows_that_csv_wrote(rows, count):
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("image", "caption"), *rows])
    found = read_parts(buffer.getvalue().encode(), count)
    assert [(record.fields["image"], record.fields["caption"]) for record in found] == rows


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from('ab",\n'), max_size=60), st.integers(2, 9))
def test_parts_of_any_text_are_its_records(text, count):
    content = b"image,caption\n" + text.encode()
    whole = [(record.name, record.fields, record.flaw) for record in read_parts(content, 1)]
    assert [(record.name, record.fields, record.flaw) for record in read_parts(content, count)] == whole


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from('ab",\n'), max_size=60))
def test_rows_are_those_of_pythons_csv(text):
    text += '\n",\n"\n'  # closes what may be open, or opens what is then closed by none
    oracle = [row for row in csv.reader(io.StringIO(text)) if row]
    rows = csv_lines.records(io.BytesIO(text.encode()), 0, None, False, b",")
    found = [next(csv.reader([row.decode()])) for _, row, _ in rows]
    assert found[:-2] == oracle[: len(found) - 2]  # an open end is cut into rows otherwise


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from('ab"é '), max_size=6), max_size=12), st.integers(1, 7))
def test_parts_of_a_tsv_are_its_lines(captions, count):
    content = "image\tcaption\n" + "".join(f"{index}.png\t{caption}\n" for index, caption in enumerate(captions))
    stream = io.BytesIO(content.encode())
    found = [record for index in range(count) for record in read_tsv(stream, Part(index, count), TSV)]
    assert [record.fields["caption"] for record in found] == captions


@pytest.mark.parametrize("read", [read_csv, read_tsv])
@pytest.mark.parametrize(("content", "rows"), [(b"", 0), (b"\0" * 2_000_000, 0), (b"\0" * 2_000_000 + b"\n1.png\n", 1)])
def test_a_file_without_a_header_is_named_and_its_rows_are_counted(read, content, rows):
    first, *others = read(io.BytesIO(content), Part(), CSV)
    assert (first.name, first.flaw) == ("header", reasons.CORRUPT_FILE)
    assert [(record.flaw, record.path) for record in others] == [("", "")] * rows  # no_image, then


def test_a_file_with_a_header_alone_has_no_record():
    assert list(read_csv(io.BytesIO(b"image,caption\n"), Part(), CSV)) == []
