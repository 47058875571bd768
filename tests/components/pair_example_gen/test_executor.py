"""Whole shards through Beam: what is written, what is counted, and what stops the run."""

import gzip
import hashlib
import json
import struct
import zlib
from collections import Counter
from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from components import schema
from components.artifact_files import INGEST_REPORT_FILE
from components.artifacts import IngestReport
from components.image_fingerprint import written
from components.pair_example_gen.executor import Executor
from components.pair_filter.copies.fingerprint import fingerprint

CAPTIONS = {"txt": "und", "names": "en"}


@pytest.fixture(scope="module")
def ingest(run_executor):
    """Returns a function: config fields -> the two output artifacts."""

    def run(**config):
        outputs = {"examples": standard_artifacts.Examples, "report": IngestReport}
        return run_executor(Executor, {}, outputs, {"ingest": config})

    return run


def huge_png_header() -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    end = b"\0\0\0\0IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + end


@pytest.fixture(scope="module")
def mixed(tmp_path_factory, make_tar, make_image, ingest):
    """Two splits with every kind of bad record among good ones; returns the output artifacts and the good image."""
    folder = tmp_path_factory.mktemp("mixed")
    good = make_image(40, 30)

    def names(*values) -> bytes:
        return json.dumps({"names": values, "kind": "cat"}).encode()

    first = make_tar(
        [
            *(("ok.png", good), ("ok.txt", b" A cat \n"), ("ok.json", names("cat", "", 7))),
            *(("text only.txt", b"no image"), ("broken.png", good[:60]), ("broken.txt", b"x")),
            *(("bomb.png", huge_png_header()), ("bomb.txt", b"x")),
            *(("odd.svg", b"<svg/>"), ("odd.txt", b"x")),
            *(("latin.png", make_image(seed=1)), ("latin.txt", b"caf\xe9")),
            *(("json.png", make_image(seed=2)), ("json.json", b"{")),
            *(("bare.png", make_image(seed=3)),),
            *(("label.png", make_image(seed=4)), ("label.json", b'{"kind": 3, "names": "x"}')),
            *(("alpha.png", make_image(seed=5, mode="RGBA")), ("alpha.json", names("glass"))),
        ]
    )
    cut = make_tar([("a.png", good), ("a.txt", b"one"), ("b.png", good), ("b.txt", b"two")])
    (folder / "train").mkdir()
    (folder / "test").mkdir()
    (folder / "train" / "0.tar").write_bytes(first)
    (folder / "train" / "1.tar.gz").write_bytes(gzip.compress(cut[: 4 * 512 + 520]))
    (folder / "test" / "0.tar").write_bytes(make_tar([("t.png", make_image(seed=6)), ("t.txt", b"test")]))
    config = {
        "shards": str(folder),
        "splits": {"train": "train/*", "test": "test/*.tar"},
        "hash_split": {},
        "captions": CAPTIONS,
        "label_field": "kind",
    }
    return ingest(**config), good


def test_good_records_become_examples_of_the_schema(mixed, read_examples):
    outputs, good = mixed
    first, alpha, second = read_examples(outputs["examples"], "train")
    assert set(first) == {feature.name for feature in schema.FEATURES}
    assert first == {
        schema.IMAGE_ENCODED: [good],
        schema.IMAGE_SHA256: [hashlib.sha256(good).hexdigest()],
        schema.IMAGE_WIDTH: [40],
        schema.IMAGE_HEIGHT: [30],
        schema.IMAGE_FINGERPRINT: [written(fingerprint(good)).decode()],
        schema.CAPTION_TEXT: ["A cat", "cat"],
        schema.CAPTION_LANGUAGE: ["und", "en"],
        schema.CLASS_LABEL: ["cat"],
        schema.RECORD_NAME: ["train/0.tar#ok"],
        schema.SPLIT: ["train"],
    }
    encoded = alpha[schema.IMAGE_ENCODED][0]
    assert alpha[schema.IMAGE_SHA256] == [hashlib.sha256(encoded).hexdigest()]
    assert second[schema.RECORD_NAME] == ["train/1.tar.gz#a"]
    assert [example[schema.CAPTION_TEXT] for example in read_examples(outputs["examples"], "test")] == [["test"]]


def test_bad_records_are_counted_by_name_and_the_totals_balance(mixed, load_json):
    outputs, _ = mixed
    report = load_json(outputs["report"], INGEST_REPORT_FILE)
    image_reasons = ["bomb:image_too_large", "broken:image_not_decodable", "odd:image_format_not_supported"]
    image_reasons += ["text only:no_image", "latin:no_caption", "bare:no_caption", "json:metadata_not_json"]
    image_reasons += ["label:label_not_text", "b:truncated_member"]
    assert report["labels"] == ["cat"]
    assert report["unknown_fields"] == []
    assert report["splits"]["train"]["images"] == {
        "read": 12,
        "kept": 3,
        "dropped": dict(sorted(Counter(reason.split(":")[1] for reason in image_reasons).items())),
    }
    assert report["splits"]["train"]["captions"] == {
        "read": 7,
        "kept": 4,
        "dropped": {"empty": 1, "not_text": 1, "not_utf8": 1},
    }
    assert report["splits"]["test"] == {kind: {"read": 1, "kept": 1, "dropped": {}} for kind in ("images", "captions")}
    sampled = {
        f"{sample['record'].partition('#')[2]}:{reason}"
        for reason, samples in report["samples"].items()
        for sample in samples
    }
    assert sampled == {*image_reasons, "ok:empty", "ok:not_text", "latin:not_utf8"}
    (bomb,) = report["samples"]["image_too_large"]
    assert bomb == {"record": "train/0.tar#bomb", "detail": "20000 x 20000 px, above 64000000 px in all"}


def test_artifacts_say_what_they_hold(mixed):
    outputs, _ = mixed
    examples, report = outputs["examples"], outputs["report"]
    assert json.loads(examples.split_names) == ["train", "test"]
    assert examples.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"
    assert examples.get_string_custom_property("file_format") == "tfrecords_gzip"
    assert {name: report.get_int_custom_property(name) for name in ("images_read", "images_kept", "captions_read")} == {
        "images_read": 13,
        "images_kept": 4,
        "captions_read": 8,
    }


def test_one_pile_is_divided_without_an_image_straddling(
    tmp_path, make_tar, make_image, ingest, read_examples, load_json
):
    for shard in range(2):  # every image is in both shards
        members = [
            (f"{i}.{ext}", make_image(seed=i) if ext == "png" else b"x") for i in range(40) for ext in ("png", "txt")
        ]
        (tmp_path / f"{shard}.tar").write_bytes(make_tar([*members, ("lost.png", b"?")]))
    shares = {"train": 1, "validation": 1}
    outputs = ingest(shards=str(tmp_path), hash_split=shares)
    found = {split: [e[schema.IMAGE_SHA256][0] for e in read_examples(outputs["examples"], split)] for split in shares}
    assert not set(found["train"]) & set(found["validation"])
    assert all(set(Counter(images).values()) == {2} for images in found.values())
    assert len(found["train"]) + len(found["validation"]) == 80
    assert {example[schema.SPLIT][0] for example in read_examples(outputs["examples"], "validation")} == {"validation"}
    dropped = [
        split["images"]["dropped"] for split in load_json(outputs["report"], INGEST_REPORT_FILE)["splits"].values()
    ]
    assert sorted(dropped, key=len) == [{}, {"image_not_decodable": 2}]


def test_a_split_that_gets_nothing_is_there_and_empty(tmp_path, make_tar, make_image, ingest, read_examples):
    (tmp_path / "0.tar").write_bytes(make_tar([("0.png", make_image()), ("0.txt", b"x")]))
    outputs = ingest(shards=str(tmp_path), hash_split={"train": 10**9, "validation": 1})
    assert [len(read_examples(outputs["examples"], split)) for split in ("train", "validation")] == [1, 0]


def test_the_same_shards_give_the_same_files(tmp_path, make_tar, make_image, ingest):
    (tmp_path / "0.tar").write_bytes(make_tar([("0.png", make_image(mode="RGBA")), ("0.txt", b"x")]))
    runs = [ingest(shards=str(tmp_path), hash_split={"train": 1})["examples"].uri for _ in range(2)]
    paths = [Path(uri) / "Split-train" / "data_tfrecord-00000-of-00001.gz" for uri in runs]
    assert gzip.decompress(paths[0].read_bytes()) == gzip.decompress(paths[1].read_bytes())


def test_nothing_to_train_on_stops_with_the_folder_and_the_reasons(tmp_path, make_tar, make_image, ingest):
    (tmp_path / "0.tar").write_bytes(
        make_tar([("0.png", make_image()), ("1.png", b"?"), ("2.png", make_image(seed=2))])
    )
    with pytest.raises(
        ValueError, match=r"no image reached the split 'train': 3 read, dropped as no_caption 2, image_no"
    ):
        ingest(shards=str(tmp_path), hash_split={"train": 1})


def test_no_shards_stop_before_beam_starts(tmp_path, ingest):
    with pytest.raises(ValueError, match="no file matches"):
        ingest(shards=str(tmp_path))
