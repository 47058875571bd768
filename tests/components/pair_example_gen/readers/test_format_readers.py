"""Parquet, TFRecord and Karpathy's JSON in their real layouts, whole, in parts and broken."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.raw_record import Part
from components.pair_example_gen.readers.karpathy_reader import elements, read_karpathy
from components.pair_example_gen.readers.parquet_reader import read_parquet
from components.pair_example_gen.readers.tfrecord_reader import read_tfrecord

PARQUET = IngestConfig(shards="s", format="parquet", captions={"caption": "en", "more": "de"})
TFRECORD = IngestConfig(shards="s", format="tfrecord")
KARPATHY = IngestConfig(shards="s", format="karpathy")


def parquet(rows: int = 3, **columns) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, row_group_size=1)
    return buffer.getvalue()


def from_parquet(content: bytes, part: Part = Part()):  # noqa: B008 - frozen
    return list(read_parquet(io.BytesIO(content), part, PARQUET))


def test_parquet_with_bytes_and_lists_of_captions():
    content = parquet(image=[b"i", None, b"k"], caption=[["a", "b"], ["c"], None], more=["x", None, "z"], other=[1] * 3)
    first, second, third = from_parquet(content)
    assert (first.name, first.image) == ("row 0", b"i")
    assert first.fields == {"caption": [b"a", b"b"], "more": "x"}
    assert second.image is None
    assert "'image' holds NoneType" in second.detail
    assert third.fields == {"caption": None, "more": "z"}


def test_parquet_with_paths_and_with_hugging_faces_images():
    (record,) = from_parquet(parquet(image=["a/b.PNG"], caption=["x"]))
    assert (record.image, record.path, record.extension) == (None, "a/b.PNG", "png")
    embedded, referred = from_parquet(
        parquet(image=[{"bytes": b"i", "path": "b.jpg"}, {"bytes": None, "path": "c.jpg"}], caption=["x", "y"])
    )
    assert (embedded.image, embedded.extension, referred.image, referred.path) == (b"i", "jpg", None, "c.jpg")


@pytest.mark.parametrize("count", range(1, 7))
def test_parts_of_a_parquet_are_its_row_groups(count):
    content = parquet(image=[b"%d" % number for number in range(4)], caption=["x"] * 4)
    found = [record for index in range(count) for record in from_parquet(content, Part(index, count))]
    assert [(record.name, record.image) for record in found] == [(f"row {n}", b"%d" % n) for n in range(4)]


def test_a_broken_parquet_is_named_once():
    content = parquet(image=[b"i"], caption=["x"])
    for broken in (content[:-9], b"", b"no parquet"):
        flaws = [record.flaw for index in range(3) for record in from_parquet(broken, Part(index, 3))]
        assert flaws == [reasons.CORRUPT_FILE]


def test_a_parquet_without_any_of_the_columns_says_which_it_has():
    (record,) = from_parquet(parquet(TEXT=["x"], URL=["y"]))
    assert record.flaw == reasons.CORRUPT_FILE
    assert "none of the columns caption, more, image; it has TEXT, URL" in record.detail


def test_a_text_that_is_not_utf8_harms_no_other():
    captions = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\x04\0\0\0\x05\0\0\0"), pa.py_buffer(b"caf\xe9x")]
    )
    found = from_parquet(parquet(image=[b"i", b"j"], caption=captions))
    assert [record.fields["caption"] for record in found] == ["caf\udce9", "x"]


def example(**features) -> bytes:
    message = tf.train.Example()
    for name, values in features.items():
        message.features.feature[name.replace("__", "/")].bytes_list.value.extend(values)
    return message.SerializeToString()


@pytest.fixture
def tfrecord(tmp_path):
    path = str(tmp_path / "a.tfrecord")
    with tf.io.TFRecordWriter(path) as writer:
        for number in range(3):
            writer.write(example(image__encoded=[b"i%d" % number], caption__text=[b"a", b"b"]))
    return bytearray((tmp_path / "a.tfrecord").read_bytes())


def from_tfrecord(content: bytes):
    return list(read_tfrecord(io.BytesIO(bytes(content)), Part(), TFRECORD))


def test_tfrecords_that_tensorflow_wrote(tfrecord):
    found = from_tfrecord(tfrecord)
    assert [record.image for record in found] == [b"i0", b"i1", b"i2"]
    assert found[0].fields == {"caption/text": [b"a", b"b"]}


def test_a_damaged_tfrecord_is_named_and_the_next_is_read(tfrecord):
    size = len(tfrecord) // 3
    tfrecord[size + 14] ^= 1
    assert [record.flaw for record in from_tfrecord(tfrecord)] == ["", reasons.DAMAGED_RECORD, ""]
    tfrecord[2 * size] ^= 1
    assert [record.flaw for record in from_tfrecord(tfrecord)] == ["", reasons.DAMAGED_RECORD, reasons.CORRUPT_FILE]
    assert [record.flaw for record in from_tfrecord(tfrecord[: size - 1])] == [reasons.CORRUPT_FILE]


COCO = {
    "images": [
        {
            "filepath": "val2014",
            "sentids": [770337],
            "filename": "COCO_val2014_000000391895.jpg",
            "imgid": 0,
            "split": "test",
            "sentences": [{"tokens": ["a", "man"], "raw": "A man.", "imgid": 0, "sentid": 770337}],
            "cocoid": 391895,
        },
        {"filename": "1000092795.jpg", "imgid": 1, "split": "restval", "sentences": [{"raw": "One"}, {"raw": "Two"}]},
        {"filename": "2.jpg", "split": "dev", "sentences": []},
        {"filename": 7, "split": "train"},
        "no object",
    ],
    "dataset": "coco",
}


def from_karpathy(content: bytes, part: Part = Part()):  # noqa: B008 - frozen
    return list(read_karpathy(io.BytesIO(content), part, KARPATHY))


def test_karpathys_json_of_coco_and_of_flickr():
    found = from_karpathy(json.dumps(COCO).encode())
    assert (found[0].path, found[0].split) == ("val2014/COCO_val2014_000000391895.jpg", "test")
    assert found[0].fields["sentences"] == ["A man."]
    assert (found[1].path, found[1].split, found[1].fields["sentences"]) == ("1000092795.jpg", "train", ["One", "Two"])
    assert [record.flaw for record in found[2:]] == [reasons.UNKNOWN_SPLIT, reasons.NO_IMAGE, reasons.DAMAGED_RECORD]


@pytest.mark.parametrize("count", range(1, 7))
def test_parts_of_karpathys_json_are_its_images(count):
    content = json.dumps(COCO).encode()
    found = [record for index in range(count) for record in from_karpathy(content, Part(index, count))]
    assert sorted(map(repr, found)) == sorted(map(repr, from_karpathy(content)))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, len(json.dumps(COCO)) - 22))
def test_a_cut_json_is_named(cut):
    assert from_karpathy(json.dumps(COCO).encode()[:cut])[-1].flaw == reasons.CORRUPT_FILE


json_values = st.recursive(st.none() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=6)


@settings(max_examples=100, deadline=None)
@given(st.lists(json_values), json_values, st.integers(0, 3))
def test_elements_are_those_of_pythons_json(images, before, indent):
    text = json.dumps({"before": before, "images": images, "after": 1}, indent=indent, ensure_ascii=False)
    assert list(elements(io.BytesIO(text.encode("utf-8", "surrogatepass")))) == images
