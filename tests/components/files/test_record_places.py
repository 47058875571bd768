"""Records are found where they were said to stand, in every file that gzip can be made of."""

import gzip
import zlib

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.files.example_files import read_payloads, writing
from components.files.record_places import NotStored, placed_records, places, read_placed

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
    found = list(placed_records(str(path)))
    assert [record for _, record in found] == RECORDS == list(read_payloads(str(path)))
    assert list(tf.data.TFRecordDataset(str(path), "GZIP").as_numpy_iterator()) == RECORDS
    assert all((place is not None) == is_stored for place, _ in found)
    for row in reversed(range(len(RECORDS))):
        assert read_placed(str(path), row, found[row][0]) == RECORDS[row]
    if is_stored:
        assert list(places(str(path))) == [place for place, _ in found]
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
    found = list(placed_records(str(path)))
    assert [record for _, record in found] == records
    assert all(read_placed(str(path), row, place) == records[row] for row, (place, _) in enumerate(found))


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_a_file_that_breaks_off_is_damaged_behind_what_is_whole(tmp_path, kept):
    path = tmp_path / "a.gz"
    by_us(path, RECORDS)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    read = []
    with pytest.raises(ValueError, match=r"a\.gz is damaged behind \d+ records"):
        read += [record for _, record in placed_records(str(path))]
    reading = placed_records(str(path))
    assert next(reading)[1] == RECORDS[0]


def test_a_place_of_another_file_is_no_record(tmp_path):
    by_us(tmp_path / "a.gz", RECORDS)
    by_us(tmp_path / "b.gz", [b"x" * 500_000])
    (*_, (place, _)) = placed_records(str(tmp_path / "a.gz"))
    with pytest.raises(ValueError, match=r"b\.gz holds no record at its byte"):
        read_placed(str(tmp_path / "b.gz"), 8, place)
