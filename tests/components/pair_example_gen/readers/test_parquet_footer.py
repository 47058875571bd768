"""Columns of types that an older pyarrow does not know: only those in use matter."""

import base64
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.raw_record import Part
from components.pair_example_gen.readers.parquet_footer import without_newer_types
from components.pair_example_gen.readers.parquet_reader import read_parquet

# Written by pyarrow 26: image and caption are texts, score is float16.
HALF = base64.b64decode(
    "UEFSMRUAFTAVQiwVBBUAFQYVBhwAAAAotS/9IBjBAAACAAAABAEFAAAAMC5wbmcFAAAAMS5wbmcVABUgFTIsFQQVABUGFQYcAAAAKLUv/SAQgQ"
    "AAAgAAAAQBAQAAAHgBAAAAeRUAFRQVJiwVBBUAFQYVBhwAAAAotS/9IApRAAACAAAABAEAPABAFQQZTDUAGAZzY2hlbWEVBgAVDCUCGAVpbWFn"
    "ZSUATBwAAAAVDCUCGAdjYXB0aW9uJQBMHAAAABUOFQQVAhgFc2NvcmVs/AAAABYEGRwZPCYAHBUMGSUGABkYBWltYWdlFQwWBBZWFmgmCEkcFQ"
    "AVABUCADwWFBkGGSYABAAAACYAHBUMGSUGABkYB2NhcHRpb24VDBYEFkYWWCZwSRwVABUAFQIAPBYEGQYZJgAEAAAAJgAcFQ4ZJQYAGRgFc2Nv"
    "cmUVDBYEFjoWTCbIAUkcFQAVABUCADwpBhkmAAQAAAAW1gEWBCYIFowCACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZPBwAAB"
    "wAABwAAAAZAQAAUEFSMQ=="
)
# Written by pyarrow 26: caption is a string_view, as Arrow's own schema in the footer has it.
VIEW = base64.b64decode(
    "UEFSMRUAFSAVJCwVBBUAFQYVBhwAAAAQPAIAAAAEAQEAAAB4AQAAAHkVBBksNQAYBnNjaGVtYRUCABUMJQIYB2NhcHRpb24lAEwcAAAAFgQZHB"
    "kcJgAcFQwZJQYAGRgHY2FwdGlvbhUCFgQWRhZKJghJHBUAFQAVAgA8FgQZBhkmAAQAAAAWRhYEJggWSgAZHBgMQVJST1c6c2NoZW1hGKABLy8v"
    "Ly8zQUFBQUFRQUFBQUFBQUtBQXdBQmdBRkFBZ0FDZ0FBQUFBQkJBQU1BQUFBQ0FBSUFBQUFCQUFJQUFBQUJBQUFBQUVBQUFBVUFBQUFFQUFVQU"
    "FnQUJnQUhBQXdBQUFBUUFCQUFBQUFBQUFFWUVBQUFBQndBQUFBRUFBQUFBQUFBQUFjQUFBQmpZWEIwYVc5dUFBUUFCQUFFQUFBQQAYIHBhcnF1"
    "ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGRwcAAAAQgEAAFBBUjE="
)
# Written by pyarrow 26: two row groups of two rows, whose captions are encoded as DELTA_LENGTH_BYTE_ARRAY.
DELTA = base64.b64decode(
    "UEFSMRUAFTAVNCwVBBUAFQYVBhwAAAAYXAIAAAAEAQUAAAAwLnBuZwUAAAAwLnBuZxUAFSQVKCwVBBUMFQYVBhwAAAASRAIAAAAEAYABBAICAA"
    "AAAAB4eBUAFTAVNCwVBBUAFQYVBhwAAAAYXAIAAAAEAQUAAAAwLnBuZwUAAAAwLnBuZxUAFSQVKCwVBBUMFQYVBhwAAAASRAIAAAAEAYABBAIC"
    "AAAAAAB4eBUEGTw1ABgGc2NoZW1hFQQAFQwlAhgFaW1hZ2UlAEwcAAAAFQwlAhgHY2FwdGlvbiUATBwAAAAWCBksGSwmABwVDBklBgAZGAVpbW"
    "FnZRUCFgQWVhZaJghJHBUAFQAVAgA8FhQZBhkmAAQAAAAmABwVDBklBgwZGAdjYXB0aW9uFQIWBBZKFk4mYkkcFQAVDBUCADwWBBkGGSYABAAA"
    "ABagARYEJggWqAEAGSwmABwVDBklBgAZGAVpbWFnZRUCFgQWVhZaJrABSRwVABUAFQIAPBYUGQYZJgAEAAAAJgAcFQwZJQYMGRgHY2FwdGlvbh"
    "UCFgQWShZOJooCSRwVABUMFQIAPBYEGQYZJgAEAAAAFqABFgQmsAEWqAEAKCBwYXJxdWV0LWNwcC1hcnJvdyB2ZXJzaW9uIDI2LjAuMRksHAAA"
    "HAAAAEcBAABQQVIx"
)


def read(content: bytes, count: int = 1, **fields):
    config = IngestConfig(shards="s", format="parquet", **fields)
    return [
        record for index in range(count) for record in read_parquet(io.BytesIO(content), Part(index, count), config)
    ]


def test_a_column_that_nothing_reads_may_have_any_type():
    assert [(record.path, record.fields) for record in read(HALF)] == [
        ("0.png", {"caption": "x"}),
        ("1.png", {"caption": "y"}),
    ]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_column_in_use_of_an_unknown_type_is_named_and_its_rows_are_counted(count):
    found = read(HALF, count, label_field="score")
    if found[0].flaw:  # a pyarrow that knows float16 reads it
        assert [record.flaw for record in found] == [reasons.UNKNOWN_TYPE] * 2
        assert found[0].detail.startswith("column 'score' has the type FLOAT16, which pyarrow ")
    assert [record.name for record in found] == ["row 0", "row 1"]


def test_texts_that_arrow_views_are_texts():
    assert [record.fields for record in read(VIEW)] == [{"caption": "x"}, {"caption": "y"}]


def test_an_encoding_that_this_pyarrow_lacks_costs_rows_that_are_counted():
    found = read(DELTA, 2)
    assert [record.name for record in found] == [f"row {number}" for number in range(4)]
    assert {record.flaw for record in found} in ({""}, {reasons.UNKNOWN_TYPE})  # newer ones read it


def test_what_a_footer_says():
    changed, footer = without_newer_types(io.BytesIO(HALF))
    assert (footer.rows, footer.newer) == (2, {"score": "FLOAT16"})
    assert pq.ParquetFile(changed).read(["image"]).to_pydict() == {"image": ["0.png", "1.png"]}


def test_an_ordinary_file_stays_as_it_is():
    nested = pa.array([[{"a": 1, "b": "x"}], None])
    table = pa.table({"image": ["0.png", None], "l": nested, "t": pa.array([0, 1], pa.timestamp("us", tz="UTC"))})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    changed, footer = without_newer_types(io.BytesIO(buffer.getvalue()))
    assert (footer.rows, footer.newer) == (2, {})
    assert pq.ParquetFile(changed).read().to_pydict() == table.to_pydict()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(HALF) - 1), st.integers(1, 255), st.integers(0, len(HALF)))
def test_a_damaged_footer_is_told_as_damage(at, flip, cut):
    damaged = bytearray(HALF)
    damaged[at] ^= flip
    for content in (bytes(damaged), HALF[:cut]):
        try:
            without_newer_types(io.BytesIO(content))
        except ValueError:
            continue
