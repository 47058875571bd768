"""Files of Examples: what TensorFlow writes is read, it reads what we write, and damage is never taken for the end."""

from __future__ import annotations

import gzip
import io
import struct
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from components.beam import whole_files
from components.files import example_files
from components.files.tfrecords import framing, read_records

PAYLOADS = [b"", b"one", bytes(range(256)) * 300, b"last"]


def write(path: Path, payloads) -> bytes:
    with example_files.writing(str(path), str(path.parent / "aside")) as write_one:
        for payload in payloads:
            write_one(payload)
    return path.read_bytes()


def read_by_tensorflow(path: Path) -> list[bytes]:
    return list(tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator())


@pytest.mark.parametrize("payloads", [[], [b""], PAYLOADS], ids=["none", "an empty one", "several"])
def test_tensorflow_reads_what_is_written_and_the_same_payloads_give_the_same_bytes(tmp_path, payloads):
    first, second = (write(tmp_path / name, payloads) for name in ("a.gz", "b.gz"))
    assert first == second
    assert read_by_tensorflow(tmp_path / "a.gz") == payloads
    assert list(example_files.read_payloads(str(tmp_path / "a.gz"))) == payloads
    assert list((tmp_path / "aside").iterdir()) == []


@pytest.mark.parametrize("level", [0, 6])
def test_what_tensorflow_wrote_is_read(tmp_path, level):
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=level)
    with tf.io.TFRecordWriter(str(tmp_path / "a.gz"), options) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    assert list(example_files.read_payloads(str(tmp_path / "a.gz"))) == PAYLOADS


def test_a_file_of_several_gzip_members_is_read_to_its_end(tmp_path):
    whole = tmp_path / "joined.gz"
    whole.write_bytes(write(tmp_path / "a.gz", PAYLOADS) + write(tmp_path / "b.gz", [b"more"]))
    assert list(example_files.read_payloads(str(whole))) == [*PAYLOADS, b"more"]


def damaged(content: bytes, cut: int | None = None, flip: int | None = None) -> bytes:
    changed = bytearray(content[:cut])
    if flip is not None:
        changed[flip] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("harm", "records", "said"),
    [
        (lambda plain: gzip.compress(damaged(plain, cut=-1)), 3, r"7 bytes of a record of 8 are there"),
        (lambda plain: gzip.compress(damaged(plain, cut=-15)), 3, r"a header of 5 bytes"),
        (lambda plain: gzip.compress(damaged(plain, flip=-5)), 3, r"the checksum of a record's content is wrong"),
        (lambda plain: gzip.compress(damaged(plain, flip=1)), 0, r"the checksum of a record's length is wrong"),
        (lambda plain: damaged(gzip.compress(plain), cut=-9), 4, r"ended before the end-of-stream"),
        (lambda plain: damaged(gzip.compress(plain), flip=-5), 4, r"CRC|length"),
        (lambda plain: plain, 0, r"Not a gzipped file"),
        (lambda plain: b"", 0, r"it is empty, as an object is that stands for a folder"),
    ],
    ids=["a byte short", "a header short", "content", "length", "gzip cut", "gzip's checksum", "no gzip", "empty"],
)
def test_damage_is_named_behind_what_stands_before_it(tmp_path, harm, records, said):
    plain = gzip.decompress(write(path := tmp_path / "a.gz", PAYLOADS))
    path.write_bytes(harm(plain))
    found = []
    with pytest.raises(ValueError, match=said) as raised:
        found += example_files.read_payloads(str(path))  # a generator: list.__iadd__ keeps what came before
    assert str(raised.value).startswith(f"{path} is damaged behind {records} records (")


@given(st.lists(st.binary(max_size=3000), max_size=6), st.integers(1, 400))
def test_records_are_taken_apart_as_they_were_framed_however_the_stream_is_cut(payloads, portion):
    framed = io.BytesIO()
    for payload in payloads:
        before, behind = framing(payload)
        assert before[:8] == struct.pack("<Q", len(payload))
        framed.write(before + payload + behind)

    class Trickle:
        """A stream that gives a little at a time."""

        def read(self, size: int) -> bytes:
            return framed.read(min(size, portion))

    framed.seek(0)
    assert list(read_records(Trickle())) == payloads


def test_a_block_that_fails_leaves_no_file(tmp_path):
    def die_half_way() -> None:
        with whole_files.created(str(tmp_path / "whole"), str(tmp_path / "aside")) as file:
            file.write(b"half")
            raise RuntimeError("the worker died")

    with pytest.raises(RuntimeError):
        die_half_way()
    assert [path.name for path in tmp_path.iterdir()] == ["aside"]


def test_a_folder_is_a_folder_whatever_its_name(tmp_path):
    folder = tmp_path / "[a]*?"
    whole_files.write_text(str(folder / "b" / "c"), "text")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "stranger").touch()
    assert whole_files.files_below(str(folder)) == ["b/c"]
    assert whole_files.read_bytes(str(folder / "b" / "c")) == b"text"
    whole_files.remove_folder(str(folder))
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "stranger"]
    whole_files.remove_folder(str(folder))
    assert whole_files.files_below(str(folder)) == []


def test_a_file_that_was_there_is_replaced_whole(tmp_path):
    for text in ("first", "second"):
        whole_files.write_text(str(tmp_path / "a"), text)
        assert [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()] == [text]


def test_files_of_a_split_that_are_gone_are_missed():
    names = [f"/x/Split-train/{example_files.file_name(index, 12)}" for index in range(12)]
    for whole in (names, [], ["/x/Split-train/another.gz"]):
        example_files.refuse_gaps(whole)
    with pytest.raises(ValueError, match=r"^/x/Split-train lacks 2 of its 12 files, the first .*-00003-of-00012"):
        example_files.refuse_gaps([*names[:3], *names[4:11]])
