"""Rows of CSV and TSV files become records; a malformed row costs that row alone."""

import io

import pandas as pd
import pytest

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.raw_record import Part, RawRecord
from components.pair_example_gen.readers import csv_lines, csv_rows
from components.pair_example_gen.readers.csv_reader import read_csv, read_tsv

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


def test_a_table_may_have_quotes_as_characters():
    config = IngestConfig(shards="s", format="tsv", quote=False)
    content = b'image\tcaption\n1.png\t"half\n2.png\t"Go" they said\n3.png\t"a ""b"" c"\n'
    wanted = [("1.png", '"half'), ("2.png", '"Go" they said'), ("3.png", '"a ""b"" c"')]
    assert pairs(read_parts(content, 1, read_tsv, config)) == pairs(read_parts(content, 3, read_tsv, config)) == wanted


@pytest.mark.parametrize(("read", "format_", "delimiter"), [(read_csv, "csv", ";"), (read_tsv, "tsv", "|")])
def test_another_character_may_divide_the_values(read, format_, delimiter):
    rows = [("1.png", "a, b\tc"), ("2.png", f"x{delimiter}y"), ("3.png", "plain")]
    config = IngestConfig(shards="s", format=format_, delimiter=delimiter)
    content = pd.DataFrame(rows, columns=["image", "caption"]).to_csv(sep=delimiter, index=False).encode()
    assert pairs(read_parts(content, 1, read, config)) == pairs(read_parts(content, 3, read, config)) == rows


@pytest.mark.parametrize(
    ("format_", "delimiter"), [("csv", ";;"), ("csv", ""), ("tsv", '"'), ("csv", "\n"), ("jsonl", ";")]
)
def test_what_cannot_divide_values_is_refused(format_, delimiter):
    with pytest.raises(ValueError, match=r"ingest\.delimiter is"):
        IngestConfig(shards="s", format=format_, delimiter=delimiter)


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


@pytest.mark.parametrize("read", [read_csv, read_tsv])
@pytest.mark.parametrize(("content", "rows"), [(b"", 0), (b"\0" * 2_000_000, 0), (b"\0" * 2_000_000 + b"\n1.png\n", 1)])
def test_a_file_without_a_header_is_named_and_its_rows_are_counted(read, content, rows):
    first, *others = read(io.BytesIO(content), Part(), CSV)
    assert (first.name, first.flaw) == ("header", reasons.CORRUPT_FILE)
    assert [(record.flaw, record.path) for record in others] == [("", "")] * rows  # no_image, then


def test_a_file_with_a_header_alone_has_no_record():
    assert list(read_csv(io.BytesIO(b"image,caption\n"), Part(), CSV)) == []
