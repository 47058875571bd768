"""Records are found where they were said to stand, in every file that gzip can be made of."""

import gzip
import zlib

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.files.example_files import read_payloads, writing
from components.files.record_places import NotStored, places, read_placed

RECORDS = [bytes([number]) * size for number, size in enumerate([0, 1, 70_000, 65_519, 65_535, 3, 200_000, 0, 12])]


def by_tensorflow(path, records, level):
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=level)
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)


def by_us(path, records):
    with writing(str(path), str(path.parent / "aside")) as write:
        for record in records:
            write(record)


def in_members(path, records):
    """A file of several members, which every reader of gzip reads as one."""
    by_us(path, records[:3])
    first = path.read_bytes()
    by_us(path, records[3:])
    path.write_bytes(first + path.read_bytes())


WRITERS = {
    "ours": (by_us, True),
    "stored by TensorFlow": (lambda path, records: by_tensorflow(path, records, 0), True),
    "members": (in_members, True),
    "deflated": (lambda path, records: by_tensorflow(path, records, 6), False),
}


@pytest.mark.parametrize("name", WRITERS)
def test_each_record_is_read_from_its_place(tmp_path, name):
    write, is_stored = WRITERS[name]
    path = tmp_path / "a.gz"
    write(path, RECORDS)
    assert list(read_payloads(str(path))) == RECORDS
    assert list(tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator()) == RECORDS
    found = list(places(str(path))) if is_stored else [None] * len(RECORDS)
    assert len(found) == len(RECORDS)
    for row in reversed(range(len(RECORDS))):
        assert read_placed(str(path), row, found[row]) == RECORDS[row]
    if is_stored:
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NotStored):
        list(places(str(path)))


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 140_000), max_size=6), chunk=st.integers(1, 100_000))
def test_any_records_in_any_blocks(tmp_path_factory, sizes, chunk):
    path = tmp_path_factory.mktemp("any") / "a.gz"
    records = [bytes([1 + number]) * size for number, size in enumerate(sizes)]
    by_us(path, records)
    content = gzip.decompress(path.read_bytes())
    stored = zlib.compressobj(0, zlib.DEFLATED, 31)
    parts = [content[begin : begin + chunk] for begin in range(0, len(content), chunk)]
    path.write_bytes(
        b"".join(stored.compress(part) + stored.flush(zlib.Z_FULL_FLUSH) for part in parts) + stored.flush()
    )
    assert [read_placed(str(path), row, place) for row, place in enumerate(places(str(path)))] == records


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_in_a_file_that_breaks_off_what_is_whole_has_its_place(tmp_path, kept):
    path = tmp_path / "a.gz"
    by_us(path, RECORDS)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    reading = places(str(path))
    assert read_placed(str(path), 0, next(reading)) == RECORDS[0]
    with pytest.raises(NotStored):
        list(reading)


def test_a_place_of_another_file_is_no_record(tmp_path):
    by_us(tmp_path / "a.gz", RECORDS)
    by_us(tmp_path / "b.gz", [b"x" * 500_000])
    (*_, place) = places(str(tmp_path / "a.gz"))
    with pytest.raises(ValueError, match=r"b\.gz holds no record at its byte"):
        read_placed(str(tmp_path / "b.gz"), 8, place)
