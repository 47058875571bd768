"""A table of captions is read back as it was written, in the order in which it was given."""

import io

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from components.files.caption_table import read_captions, write_captions


@given(st.dictionaries(st.tuples(st.text(), st.sampled_from(["en", "und", "zh-Hans"])), st.integers(1, 2**40)))
def test_what_is_read_is_what_was_written(counts):
    assert [((text, language), count) for text, language, count in read_captions(write_captions(counts))] == [
        *counts.items()
    ]


def test_more_rows_than_a_reader_holds():
    counts = {(f"caption {number}", "en"): number for number in range(150_000)}
    assert sum(count for _, _, count in read_captions(write_captions(counts))) == sum(counts.values())


def test_others_read_it_as_an_arrow_file():
    table = pa.ipc.open_file(io.BytesIO(write_captions({("a cat", "en"): 2}))).read_all()
    assert table.to_pylist() == [{"text": "a cat", "language": "en", "count": 2}]
