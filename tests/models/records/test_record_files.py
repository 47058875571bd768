"""Counting and reading training files: every way a file can be broken is one sentence that names it."""

from __future__ import annotations

import gzip
import json

import pytest
import tensorflow as tf

from components import schema
from models.records.record_files import (
    count_records,
    find_files,
    keep_counts,
    name_broken_record,
    read_counts,
    read_file,
    read_kept_counts,
)
from models.trainer import KEPT_COUNTS_FILE, _count
from models.training.workers import Workers
from models.training_config import TrainingConfig

IMAGES = 400


def example(image: bytes, captions: tuple[bytes, ...] = (b"a",)) -> bytes:
    proto = tf.train.Example()
    proto.features.feature[schema.IMAGE_ENCODED].bytes_list.value.append(image)
    proto.features.feature[schema.CAPTION_TEXT].bytes_list.value.extend(captions)
    return proto.SerializeToString()


def write(path, records: list[bytes]) -> str:
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)  # as our components write them
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)
    return str(path)


@pytest.fixture
def files(tmp_path) -> list[str]:
    halves = (range(IMAGES // 2), range(IMAGES // 2, IMAGES))
    return [
        write(tmp_path / f"{place}.gz", [example(b"%d" % number) for number in half])
        for place, half in enumerate(halves)
    ]


def test_counts_are_by_file_and_in_their_order(files, tmp_path):
    empty, one = write(tmp_path / "empty.gz", []), write(tmp_path / "one.gz", [example(b"x")])
    assert count_records([one, *files, empty], 1.0) == (1, 200, 200, 0)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9])
def test_a_fraction_is_about_that_share_and_lies_in_every_greater_one(files, fraction):
    def read(fraction: float) -> set[bytes]:
        return {record for path in files for record in read_file(tf.constant(path), fraction).as_numpy_iterator()}

    part = read(fraction)
    assert abs(len(part) / IMAGES - fraction) < 0.08  # three standard deviations
    assert sum(count_records(files, fraction)) == len(part)
    assert part <= read(min(1.0, fraction + 0.1))


def test_a_share_of_the_data_is_counted_at_the_first_start_alone(files, tmp_path):
    training, workers = TrainingConfig(data_fraction=0.5), Workers(tf.distribute.get_strategy())
    first = _count(files, training, None, str(tmp_path / "kept"), workers)
    assert first == count_records(files, 0.5)
    for path in files:
        write(path, [])  # what no start reads to count it, no start sees changed
    assert _count(files, training, None, str(tmp_path / "kept"), workers) == first
    (tmp_path / "kept" / KEPT_COUNTS_FILE).write_text("[1")
    assert _count(files, training, None, str(tmp_path / "kept"), workers) == (0, 0)


def test_counts_that_cannot_be_kept_are_counted_again(tmp_path):
    (tmp_path / "file").write_text("")
    keep_counts(str(tmp_path / "file" / "counts.json"), [1, 2])
    assert read_kept_counts(str(tmp_path / "file" / "counts.json")) is None


def test_a_fraction_goes_by_the_image_alone(tmp_path):
    numbers = range(40)
    one = write(tmp_path / "a.gz", [example(b"%d" % n, (b"a",)) for n in numbers])
    other = write(tmp_path / "b.gz", [example(b"%d" % n, (b"b", b"c")) for n in numbers])
    images = [
        [
            tf.train.Example.FromString(r).features.feature[schema.IMAGE_ENCODED].bytes_list.value[0]
            for r in read_file(tf.constant(path), 0.5).as_numpy_iterator()
        ]
        for path in (one, other)
    ]
    assert images[0] == images[1] != []


def table(path, content) -> str:
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def test_counts_are_read_from_the_table_in_the_files_order(tmp_path):
    path = table(tmp_path / "counts.json", {"b.gz": {"records": 2, "captions": 5}, "a.gz": {"records": 0}})
    assert read_counts(path, ["/no/such/a.gz", "gs://nor/b.gz"]) == (0, 2)


@pytest.mark.parametrize("files", [["a.gz"], ["a.gz", "b.gz", "c.gz"], ["x/a.gz", "b.gz", "y/a.gz"], ["a.gz", "c.gz"]])
def test_a_table_of_other_files_is_refused(tmp_path, files):
    path = table(tmp_path / "counts.json", {"a.gz": {"records": 1}, "b.gz": {"records": 2}})
    with pytest.raises(
        ValueError, match=rf"{path} counts 2 training files, but {len(files)} are there, and [abc].gz is"
    ):
        read_counts(path, files)


@pytest.mark.parametrize("content", [None, [], {"a.gz": {}}, {"a.gz": 3}])
def test_a_table_that_cannot_be_read_is_named(tmp_path, content):
    path = str(tmp_path / "no.json") if content is None else table(tmp_path / "counts.json", content)
    with pytest.raises(ValueError, match=rf"counts of the training files cannot be read from {path} .*`align run`"):
        read_counts(path, ["a.gz"])


def test_no_files(tmp_path):
    with pytest.raises(ValueError, match="no training files match"):
        find_files([str(tmp_path / "*")])


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_a_byte(content: bytes) -> bytes:
    plain = bytearray(gzip.decompress(content))
    plain[len(plain) // 2] ^= 1
    return gzip.compress(bytes(plain))


@pytest.mark.parametrize("breaking", [cut, flip_a_byte, gzip.decompress, lambda _: b"something else entirely"])
def test_a_broken_file_is_named(files, breaking):
    with open(files[1], "rb+") as file:
        broken = breaking(file.read())
        file.seek(0)
        file.truncate()
        file.write(broken)
    with pytest.raises(
        ValueError, match=rf"training file {files[1]} cannot be read after its record \d+ \(.+\); write"
    ):
        count_records(files, 1.0)


def test_a_file_that_is_gone_is_named(files):
    with pytest.raises(ValueError, match=r"training file .*/gone\.gz cannot be read after its record 0 "):
        count_records([*files, files[0].replace("0.gz", "gone.gz")], 1.0)


def test_records_of_another_schema_are_named(tmp_path):
    path = write(tmp_path / "a.gz", [tf.train.Example().SerializeToString()])
    with pytest.raises(ValueError, match=rf"training file {path} cannot be read after its record 0 .*image/encoded"):
        count_records([path], 0.5)


def test_a_record_without_captions_is_named(tmp_path):
    image = tf.io.encode_png(tf.zeros([1, 1, 3], tf.uint8)).numpy()
    whole, bare = example(image), example(image, ())
    path = write(tmp_path / "a.gz", [whole, bare])
    assert name_broken_record([path], [whole]) is None
    assert name_broken_record([path], [whole, bare]).startswith(
        f"record 1 of {path} (without a name) does not train: its caption/text is empty; "
    )
