"""Ingest's fingerprint sees every file that a format reads, there or not, and none beside."""

from __future__ import annotations

import gzip
import json
import os
import tarfile
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.pair_example_gen.config import EvaluationSetConfig, IngestConfig
from components.pair_example_gen.fingerprint import fingerprint
from components.pair_example_gen.formats import FORMATS

# What a format reads of the folder that `make` fills, beside the table or shard of its own glob, and what it does not.
PICTURES = ["images/0.png", "images/sub dir/1.png", "images/not yet.png"]
READ = {
    "tar": [],
    "tfrecord": [],
    "parquet": PICTURES,
    "csv": PICTURES,
    "tsv": PICTURES,
    "jsonl": PICTURES,
    "imagefolder": PICTURES,
    "karpathy": PICTURES,
    "conceptual_captions": ["0.parquet", "published.tsv"],
    "coyo": ["0.parquet", "published.parquet"],
    "laion": ["0.parquet", "published.parquet"],
}
UNSPEAKABLE = b'{"images": [{"filename": "\\ud800.png", "split": "train", "sentences": [{"raw": "a"}]}]}'
NEVER = ["query.png", "mine.yaml", ".0.tar.lock", "images/unnamed.png", "output/runs/r1/log.txt", "sub/0.parquet"]
OWN = {"parquet": "0.parquet", "tfrecord": "0.tfrecord", "csv": "0.csv", "tsv": "0.tsv", "karpathy": "dataset_x.json"}
OWN |= {"jsonl": "0.jsonl", "imagefolder": "metadata.0.jsonl"}


def make(folder: Path, format_: str) -> IngestConfig:
    """Fill a folder with an input of a format; returns the config that reads it."""
    paths = [name.removeprefix("images/") for name in PICTURES]
    own = folder / OWN.get(format_, "0.tar")
    if format_ == "parquet":
        pq.write_table(pa.table({"image": paths, "caption": ["a"] * len(paths)}), own)
    elif format_ in ("csv", "tsv"):
        separator = {"csv": ",", "tsv": "\t"}[format_]
        own.write_text(
            "".join(
                f"{image}{separator}{caption}\n"
                for image, caption in [("image", "caption"), *zip(paths, "abc", strict=True)]
            )
        )
    elif format_ in ("jsonl", "imagefolder"):
        names = (
            [{"image": path} for path in paths] if format_ == "jsonl" else [{"file_name": path} for path in PICTURES]
        )
        own.write_text("".join(json.dumps({**name, "text": "a"}) + "\n" for name in names))
    elif format_ == "karpathy":
        images = [{"filename": path, "split": "train", "sentences": [{"raw": "a"}]} for path in paths]
        own.write_text(json.dumps({"images": images, "dataset": "x"}))
    else:
        own.write_bytes(b"a shard")
    for name in (*PICTURES[:2], "images/unnamed.png", "query.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    uses = FORMATS[format_].uses
    published = "published.tsv" if format_ == "conceptual_captions" else "published.parquet"
    if "metadata" in uses:
        (folder / published).write_text("texts")
        return IngestConfig(shards=str(folder), format=format_, metadata=published)
    images_from = {"image_folder": str(folder / "images")} if "image_folder" in uses else {}
    return IngestConfig(shards=str(folder), format=format_, **images_from)


def write_anew(path: Path) -> None:
    """Write a file that differs, in size and time as before where there was one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat() if path.exists() else None
    content = path.read_bytes() if before else b"something"
    path.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    if before:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_every_format_has_a_case():
    assert READ.keys() == FORMATS.keys()


@pytest.mark.parametrize("format_", FORMATS)
def test_what_a_format_reads_is_seen_and_nothing_else(tmp_path, format_):
    config = make(tmp_path, format_)
    before = fingerprint(config)
    others = {*NEVER, *PICTURES, "0.parquet"} - {*READ[format_], OWN.get(format_)}
    for name in sorted(others):
        write_anew(tmp_path / name)
        assert fingerprint(config) == before, name
    for name in READ[format_]:
        write_anew(tmp_path / name)
        after = fingerprint(config)
        assert after != before, name
        before = after
    own = tmp_path / OWN.get(format_, "0.tar")
    os.utime(own, ns=(0, 0))
    assert fingerprint(config) != before


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_more_is_seen(tmp_path, format_):
    config = make(tmp_path, format_)
    before = fingerprint(config)
    own = tmp_path / OWN.get(format_, "0.tar")
    own.with_name(own.name.replace("0", "1").replace("_x", "_y")).write_bytes(own.read_bytes())
    assert fingerprint(config) != before


@pytest.mark.parametrize("relative_to", [None, "table"])
def test_an_image_that_is_named_by_its_absolute_path_is_seen(tmp_path, relative_to):
    named, secret = tmp_path / "images" / "1.png", tmp_path.parent / f"{tmp_path.name}.png"
    (tmp_path / "0.csv").write_text(f"image,caption\n{named},a\n{secret},b\n")
    config = IngestConfig(shards=str(tmp_path), format="csv", paths_relative_to=relative_to)
    before = fingerprint(config)
    write_anew(secret)
    assert fingerprint(config) == before
    write_anew(named)
    assert fingerprint(config) != before


@pytest.mark.parametrize("kind", ["bytes", "struct", "dictionary"])
def test_images_in_the_rows_of_a_parquet_file(tmp_path, kind):
    """Hugging Face's rows have bytes, a path or both; a path beside bytes may be looked for in vain."""
    columns = {
        "bytes": pa.array([b"a picture"]),
        "struct": pa.array([{"bytes": b"a picture", "path": None}, {"bytes": None, "path": "0.png"}]),
        "dictionary": pa.array(["0.png"]).dictionary_encode(),
    }
    pq.write_table(pa.table({"image": columns[kind]}), tmp_path / "0.parquet")
    config = IngestConfig(shards=str(tmp_path), format="parquet")
    before = fingerprint(config)
    (tmp_path / "0.png").touch()
    assert (fingerprint(config) != before) == (kind != "bytes")


def test_images_behind_a_damaged_row_group_are_looked_at(tmp_path):
    rows = pa.table({"image": ["0.png", "1.png", "2.png"], "caption": ["a", "b", "c"]})
    table = tmp_path / "0.parquet"
    pq.write_table(rows, table, row_group_size=1, compression="none", use_dictionary=False)
    column = pq.ParquetFile(table).metadata.row_group(1).column(0)
    content = bytearray(table.read_bytes())
    content[column.data_page_offset : column.data_page_offset + 8] = b"\xff" * 8
    table.write_bytes(content)
    config = IngestConfig(shards=str(tmp_path), format="parquet")
    before = fingerprint(config)
    (tmp_path / "1.png").touch()  # which nothing can know to be named
    assert fingerprint(config) == before
    (tmp_path / "2.png").touch()
    assert fingerprint(config) != before


def test_a_compressed_table_names_images_too(tmp_path):
    with gzip.open(tmp_path / "0.csv.gz", "wt") as table:
        table.write("image,caption\n0.png,a\n")
    config = IngestConfig(shards=str(tmp_path), format="csv", splits={"all": "*.csv.gz"})
    before = fingerprint(config)
    (tmp_path / "0.png").touch()
    assert fingerprint(config) != before


@pytest.mark.parametrize("path", ["/etc/hosts", "../outside.png", "http://x/y.png", "no\0name", "n" * 5000])
def test_a_path_that_ingest_refuses_is_not_looked_at(tmp_path, path):
    folder = tmp_path / "set"
    folder.mkdir()
    pq.write_table(pa.table({"image": [path]}), folder / "0.parquet")
    config = IngestConfig(shards=str(folder), format="parquet")
    before = fingerprint(config)
    (tmp_path / "outside.png").touch()
    assert fingerprint(config) == before


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1" * 9, b'"open', b"\xff\xfe\0", b"image,caption\n\n,\n\0,", UNSPEAKABLE]
)
@pytest.mark.parametrize("format_", FORMATS)
def test_a_damaged_file_is_ingests_to_judge(tmp_path, format_, content):
    config = make(tmp_path, format_)
    (tmp_path / OWN.get(format_, "0.tar")).write_bytes(content)
    assert fingerprint(config) == fingerprint(config)


def test_a_split_of_several_files_and_an_evaluation_set(tmp_path):
    for name in ("a.tar", "b.tar"):
        with tarfile.open(tmp_path / name, "w"):
            pass
    splits = {"train": "a.tar", "test": "b.tar"}
    one = fingerprint(IngestConfig(shards=str(tmp_path), splits=splits))
    other = fingerprint(IngestConfig(shards=str(tmp_path), splits=dict(zip(splits, ["b.tar", "a.tar"], strict=True))))
    assert one != other
    assert len(fingerprint(EvaluationSetConfig(shards=str(tmp_path), name="coco"))) == 64


NAME = st.sampled_from(["a.png", "b.png", "c/a.png"])
CHANGE = st.tuples(st.sampled_from(["write", "remove", "same"]), NAME, st.binary(min_size=1, max_size=2))


@settings(max_examples=30)
@given(st.lists(CHANGE, max_size=6))
def test_other_content_is_never_the_same_fingerprint(changes):
    """The slow oracle reads every image: whenever it differs from the time before, so does the fingerprint."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "0.csv").write_text("image,caption\na.png,a\nc/a.png,b\n")
        config = IngestConfig(shards=name, format="csv")

        def content() -> list[bytes | None]:
            named = [folder / "a.png", folder / "c/a.png"]
            return [path.read_bytes() if path.exists() else None for path in named]

        seen = (content(), fingerprint(config))
        for kind, path, data in changes:
            if kind == "write":
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_bytes(data)
                os.utime(folder / path, ns=(0, 0))
            elif kind == "remove":
                (folder / path).unlink(missing_ok=True)
            now = (content(), fingerprint(config))
            assert now[0] == seen[0] or now[1] != seen[1]
            assert kind != "same" or now == seen
            seen = now
