"""A name that stands twice, so that nobody knows which value is meant, is counted and harms no other record."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.judging.records import read_picture
from components.pair_example_gen.passes.ingest_pass import with_rows
from components.pair_example_gen.passes.metadata import ReadShardKeys, rows_beside
from components.pair_example_gen.raw_record import Part, RawRecord
from components.pair_example_gen.readers.csv_reader import read_csv
from components.pair_example_gen.readers.json_objects import RepeatedKey, to_dict
from components.pair_example_gen.readers.karpathy_reader import read_karpathy
from components.pair_example_gen.readers.parquet_reader import read_parquet
from components.pair_example_gen.readers.tar_reader import Record
from components.pair_example_gen.readers.tar_records import to_raw_record
from components.pair_example_gen.tasks import Source, Task

COYO = IngestConfig(shards="s", format="coyo")


def test_json_says_which_key_comes_twice():
    found = json.loads('{"a": 1, "b": {"c": 2, "c": 3}, "a": 4}', object_pairs_hook=to_dict)
    assert (type(found), found["a"], found.key) == (RepeatedKey, 4, "a")
    assert (type(found["b"]), found["b"].key) == (RepeatedKey, "c")
    assert type(json.loads('{"a": {"a": 1}}', object_pairs_hook=to_dict)) is dict


def test_a_json_member_with_a_key_twice_is_judged_by_its_image_first(make_image):
    members = {"json": b'{"caption": "a cat", "caption": "a dog"}'}
    record = to_raw_record(Record("0", {"png": make_image(), **members}), wants_json=True)
    with pytest.raises(Refused, match=r"duplicate_key: the \.json member has 'caption' twice"):
        read_picture(record, 100, bool)
    with pytest.raises(Refused, match="image_not_decodable"):
        read_picture(to_raw_record(Record("0", {"png": b"broken", **members}), wants_json=True), 100, bool)
    nested = to_raw_record(Record("0", {"json": b'{"caption": "x", "exif": {"a": 1, "a": 2}}'}), wants_json=True)
    assert nested.flaw == ""


def test_karpathys_entry_or_sentence_with_a_key_twice():
    entries = [
        '{"filename": "0.jpg", "split": "train", "split": "test", "sentences": [{"raw": "a"}]}',
        '{"filename": "1.jpg", "split": "train", "sentences": [{"raw": "a", "raw": "b"}]}',
        '{"filename": "2.jpg", "split": "train", "sentences": [{"raw": "a"}], "more": {"x": 1, "x": 2}}',
    ]
    text = f'{{"images": [{", ".join(entries)}]}}'
    config = IngestConfig(shards="s", format="karpathy")
    found = list(read_karpathy(io.BytesIO(text.encode()), Part(), config))
    assert [(record.path, record.flaw) for record in found] == [
        ("0.jpg", reasons.DUPLICATE_KEY),
        ("1.jpg", reasons.DUPLICATE_KEY),
        ("2.jpg", ""),
    ]


def test_a_csv_whose_header_names_a_column_twice():
    content = b"image,caption,caption,other,other\n1.png,a,b,c,d\n2.png,a\n"
    named = IngestConfig(shards="s", format="csv")
    found = list(read_csv(io.BytesIO(content), Part(), named))
    assert [record.flaw for record in found] == [reasons.DUPLICATE_KEY, reasons.MALFORMED_ROW]
    assert found[0].detail == "two columns have the name 'caption'"
    content = content.replace(b"caption,caption", b"caption,c")
    assert next(read_csv(io.BytesIO(content), Part(), named)).flaw == ""  # nobody asks for "other"


def test_a_parquet_with_two_columns_of_one_name():
    buffer = io.BytesIO()
    table = pa.Table.from_arrays([pa.array([b"i"]), pa.array(["a"]), pa.array(["b"])], ["image", "caption", "caption"])
    pq.write_table(table, buffer)
    (found,) = read_parquet(buffer, Part(), IngestConfig(shards="s", format="parquet"))
    assert (found.flaw, found.detail) == (reasons.CORRUPT_FILE, "ValueError: two columns have the name 'caption'")


@pytest.fixture
def shard(tmp_path):
    """The path of a shard beside which one key has two rows, and another the same row twice."""
    rows = [("0", "http://x/0", "a"), ("1", "http://x/1", "b"), ("1", "http://x/1", "c"), ("0", "http://x/0", "a")]
    columns = dict(zip(("key", "url", "caption"), zip(*rows, strict=True), strict=True))
    pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), tmp_path / "00000.parquet")
    return str(tmp_path / "00000.tar")


def test_two_rows_of_one_key_beside_a_shard(shard):
    rows = rows_beside(shard, COYO)
    assert rows[b"1"] is None
    records = [RawRecord(key, b"i", fields={"caption": "of the .json"}) for key in ("0", "1", "2")]
    found = list(with_rows(iter(records), rows))
    assert [record.flaw for record in found] == ["", reasons.DUPLICATE_KEY, ""]
    assert [record.fields["caption"] for record in found] == ["a", "of the .json", "of the .json"]


def test_an_ambiguous_row_tells_no_address(shard):
    task = Task(Source(shard, 0), "00000.tar", {}, {})
    assert list(ReadShardKeys(COYO).process((shard, task))) == [(b"http://x/0", (shard, b"0"))]
