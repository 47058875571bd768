"""Each format through Beam, joins and parts of a CSV included: what is written and what is counted."""

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tfx.types import standard_artifacts

from components import schema
from components.artifact_files import INGEST_REPORT_FILE
from components.artifacts import IngestReport
from components.pair_example_gen.executor import Executor


@pytest.fixture(scope="module")
def ingest(run_executor, read_examples):
    """Returns a function: config fields -> (record name -> captions with languages, the tally of one kind in train)."""

    def run(kind="images", **config):
        outputs = {"examples": standard_artifacts.Examples, "report": IngestReport}
        outputs = run_executor(Executor, {}, outputs, {"ingest": {"hash_split": {"train": 1}, **config}})
        examples = read_examples(outputs["examples"], "train")
        with open(f"{outputs['report'].uri}/{INGEST_REPORT_FILE}", encoding="utf-8") as file:
            tally = json.load(file)["splits"]["train"][kind]
        found = {
            example[schema.RECORD_NAME][0]: list(
                zip(example[schema.CAPTION_TEXT], example[schema.CAPTION_LANGUAGE], strict=True)
            )
            for example in examples
        }
        return found, tally

    return run


def write_csv(path: Path, rows: list[list[str]]) -> str:
    """Returns the file's name."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode())
    return path.name


def test_a_csv_in_many_parts_with_paths_that_leave_the_folder(tmp_path, make_image, ingest, monkeypatch):
    from components.pair_example_gen import formats

    small = {**formats.FORMATS, "csv": formats.Format(**{**vars(formats.FORMATS["csv"]), "part_bytes": 64})}
    monkeypatch.setattr("components.pair_example_gen.config.FORMATS", small)
    (tmp_path / "images").mkdir()
    rows = [["image", "caption", "lang"]]
    for number in range(12):
        (tmp_path / "images" / f"{number}.png").write_bytes(make_image(seed=number))
        rows.append([f"{number}.png", f'cat\nno. "{number}"', "de" if number % 2 else ""])
    (tmp_path / "secret.png").write_bytes(make_image(seed=99))
    good = write_csv(tmp_path / "good.csv", rows)
    outside = ("../secret.png", str(tmp_path / "secret.png"), f"{tmp_path}/images/../secret.png")
    inside = str(tmp_path / "images" / "3.png")
    rows += [[path, "x", ""] for path in (*outside, inside, "gone.png")]
    bad = write_csv(tmp_path / "a.csv", rows)
    folders = {"shards": str(tmp_path), "image_folder": str(tmp_path / "images")}
    fields = {"format": "csv", "language_field": "lang", "key_field": "image", **folders}
    found, tally = ingest(splits={"all": bad}, **fields)
    assert found == {
        f"a.csv#{number}.png": [(f'cat\nno. "{number}"', "de" if number % 2 else "und")] for number in range(12)
    } | {f"a.csv#{inside}": [("x", "und")]}
    assert tally == {"read": 17, "kept": 13, "dropped": {"image_missing": 1, "image_path_outside": 3}}
    sampled, tally = ingest(splits={"all": good}, sample=2, **fields)
    assert 1 <= len(sampled) == tally["read"] <= 2  # each part begins one or two rows at least
    as_before = {name.replace("good", "a"): captions for name, captions in sampled.items()}
    assert as_before.items() <= found.items()  # the quotes before the part that was chosen are known too


def test_a_csv_as_pandas_writes_it_has_no_languages_and_a_language_column_may_hold_anything(
    tmp_path, make_image, ingest
):
    (tmp_path / "0.png").write_bytes(make_image())
    captions = ["zero", "one", "two"]
    languages = ["pt_BR", "Portuguese", ""]
    rows = [[str(n), "0.png", captions[n], languages[n]] for n in range(3)]
    write_csv(tmp_path / "a.csv", [["", "image", "caption", "lang"], *rows])
    fields = {"shards": str(tmp_path), "format": "csv", "captions": {"caption": "en"}}
    found, tally = ingest(**fields)
    assert [pair for pairs in found.values() for pair in pairs] == [("zero", "en"), ("one", "en"), ("two", "en")]
    assert tally == {"read": 3, "kept": 3, "dropped": {}}
    found, tally = ingest(kind="captions", **fields, language_field="lang")
    assert tally == {"read": 3, "kept": 3, "dropped": {}, "noted": {"language_unknown": 1}}
    assert [pair for pairs in found.values() for pair in pairs] == [("zero", "pt-BR"), ("one", "und"), ("two", "en")]


@pytest.fixture
def shard(tmp_path, make_tar, make_image):
    members = []
    for number in range(4):
        meta = json.dumps({"url": f"http://x/{number}", "key": f"00000{number}"}).encode()
        members += [(f"00000{number}.jpg", make_image(seed=number, kind="JPEG")), (f"00000{number}.json", meta)]
    (tmp_path / "00000.tar").write_bytes(make_tar(members))
    return tmp_path


def test_the_parquet_beside_a_shard_has_its_captions(shard, ingest):
    table = {"url": ["http://x/0", "http://x/1"], "key": ["000000", "000001"], "caption": ["zero", None]}
    pq.write_table(pa.table(table), shard / "00000.parquet")
    found, tally = ingest(shards=str(shard), format="coyo")
    assert found == {"http://x/0": [("zero", "en")]}
    assert tally == {"read": 4, "kept": 1, "dropped": {"no_caption": 3}}


@pytest.mark.parametrize("damage", ["cut", "no key"])
def test_a_damaged_parquet_beside_a_shard_drops_what_it_corrects(shard, ingest, make_tar, make_image, damage):
    sound = [("7.jpg", make_image(seed=7, kind="JPEG")), ("7.json", b'{"caption": "seven"}')]
    (shard / "00001.tar").write_bytes(make_tar(sound))
    pq.write_table(pa.table({"key": ["000000"], "caption": ["zero"], "url": ["http://x/0"]}), shard / "00000.parquet")
    if damage == "cut":
        (shard / "00000.parquet").write_bytes((shard / "00000.parquet").read_bytes()[:-20])
    else:
        pq.write_table(pa.table({"caption": ["zero"]}), shard / "00000.parquet")
    found, tally = ingest(shards=str(shard), format="coyo")
    assert found == {"00001.tar#7": [("seven", "en")]}
    assert tally == {"read": 5, "kept": 1, "dropped": {"metadata_damaged": 4}}


def test_laions_metadata_meets_the_shards_by_address(shard, ingest):
    table = {
        "SAMPLE_ID": [1, 2, 3, 4, 5],
        "URL": ["http://x/0", "http://x/1", "http://x/0", "http://never/downloaded", None],
        "TEXT": ["null", "eins", "zero", "x", "x"],
        "LANGUAGE": [None, "de", "fr", "en", "en"],
    }
    pq.write_table(pa.table(table), shard / "part-00000.snappy.parquet")
    found, tally = ingest(shards=str(shard), format="laion", metadata="part-*.parquet")
    assert {name: sorted(captions) for name, captions in found.items()} == {
        "http://x/0": [("null", "und"), ("zero", "fr")],
        "http://x/1": [("eins", "de")],
    }
    assert tally == {"read": 4, "kept": 2, "dropped": {"no_metadata": 2}}


def test_conceptual_captions_tsv_meets_the_shards_by_address(shard, ingest):
    (shard / "Train_GCC.tsv").write_text("zero cats\thttp://x/0\nthree\thttp://x/3\n\n")
    found, tally = ingest(shards=str(shard), format="conceptual_captions", metadata="*.tsv")
    assert found == {"http://x/0": [("zero cats", "en")], "http://x/3": [("three", "en")]}
    assert tally == {"read": 4, "kept": 2, "dropped": {"no_metadata": 2}}


def test_karpathys_splits_are_kept(tmp_path, make_image, ingest):
    (tmp_path / "val2014").mkdir()
    (tmp_path / "val2014" / "1.jpg").write_bytes(make_image(kind="JPEG"))
    image = {"filepath": "val2014", "filename": "1.jpg", "split": "restval", "sentences": [{"raw": "a"}, {"raw": "b"}]}
    images = {"images": [image, {**image, "split": "test"}, {**image, "filename": "../../x.jpg"}]}
    (tmp_path / "dataset_coco.json").write_text(json.dumps(images))
    found, tally = ingest(shards=str(tmp_path), format="karpathy", hash_split={})
    assert found == {"dataset_coco.json#val2014/1.jpg": [("a", "en"), ("b", "en")]}
    assert tally == {"read": 2, "kept": 1, "dropped": {"image_path_outside": 1}}


def test_a_sample_reads_about_so_many_records_and_the_same_ones(tmp_path, make_tar, make_image, ingest):
    for shard in range(3):
        members = [
            (f"{n}.{ext}", make_image(seed=n) if ext == "png" else b"x") for n in range(9) for ext in ("png", "txt")
        ]
        (tmp_path / f"{shard}.tar").write_bytes(make_tar(members))
    first, tally = ingest(shards=str(tmp_path), sample=5)
    assert tally["read"] == 5
    assert ingest(shards=str(tmp_path), sample=5)[0] == first


def test_gzipped_tfrecords_with_an_address(tmp_path, make_image, ingest):
    import tensorflow as tf

    def example(image: bytes, *captions: bytes, **texts: bytes) -> bytes:
        message = tf.train.Example()
        message.features.feature["image/encoded"].bytes_list.value.append(image)
        message.features.feature["caption/text"].bytes_list.value.extend(captions)
        for name, text in texts.items():
            message.features.feature[name].bytes_list.value.append(text)
        return message.SerializeToString()

    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord.gz"), tf.io.TFRecordOptions("GZIP")) as writer:
        writer.write(example(make_image(seed=1), b"a cat", b"caf\xe9", b"a tom", url=b"http://x/1", lang=b"en"))
        writer.write(example(make_image(seed=2), url=b"http://x/2"))
        writer.write(b"no example")
        writer.write(example(b"broken", b"a dog"))
    found, tally = ingest(shards=str(tmp_path), format="tfrecord", url_field="url", language_field="lang")
    assert found == {"http://x/1": [("a cat", "en"), ("a tom", "en")]}
    dropped = {"damaged_record": 1, "image_format_not_supported": 1, "no_caption": 1}
    assert tally == {"read": 4, "kept": 1, "dropped": dropped}
