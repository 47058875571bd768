"""align index build and info over five pictures of one colour each, whose vectors can be worked out by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import colour_encoder
import numpy as np
import pytest
from coloured_run import COLOURS, spoil, write_examples

from components import schema
from components.files.record_places import read_placed
from components.files.tf_example import Example
from serving.encoders.opening import open_encoder
from serving.search.stores.opening import open_store
from tfx_pipeline.indexing.folder import Made, newest_index
from tfx_pipeline.settings.config import ConfigError

MODEL = "colour_encoder:encoder"


@pytest.fixture
def asked(monkeypatch) -> list[tuple[str, int]]:
    """What the encoder is asked from here on: ("image" or "text", how many)."""
    monkeypatch.setattr(colour_encoder.encoder, "asked", [])
    return colour_encoder.encoder.asked


def images_asked(asked: list[tuple[str, int]]) -> int:
    return sum(number for kind, number in asked if kind == "image")


def rows_by_caption(folder: Path) -> dict[str, dict]:
    store = open_store(folder)
    ids = store.search(np.eye(1, 4), 100).ids[0]
    rows = store.rows(ids).to_pylist()
    return {row["caption"]: row | {"vector": vector} for row, vector in zip(rows, store.vectors(ids), strict=True)}


def test_every_image_of_the_run_is_there_with_what_is_known_of_it(root, run, tmp_path):
    before = datetime.now(timezone.utc)
    assert "The index holds 5 images" in run("build", "--model", MODEL)
    rows = rows_by_caption(tmp_path / "index")
    colours = {caption: (split, colour) for split, some in COLOURS.items() for caption, colour in some.items()}
    assert rows.keys() == colours.keys()
    for caption, (split, colour) in colours.items():
        row = rows[caption]
        padded = np.array([*(part / 255 for part in colour), 0.1])
        np.testing.assert_allclose(row["vector"], padded / np.linalg.norm(padded), atol=1e-3)
        assert (row["split"], row["label"], row["width"], row["height"]) == (split, caption, 2, 2)
        assert before <= row["ingested"] <= datetime.now(timezone.utc)
        assert row["language"] == ("cs" if caption == "tmavě modré moře" else "en")
        stored = Example.FromString(read_placed(row["source"], row["row"], None)).features.feature
        assert stored[schema.CAPTION_TEXT].bytes_list.value[0].decode() == caption
        assert stored[schema.IMAGE_SHA256].bytes_list.value[0].decode() == row["sha256"]


def test_info_says_what_stands_there(root, run, info, tmp_path):
    run("build", "--model", MODEL)
    found = info()
    assert (found["count"], found["dimension"], found["segments"], found["tombstones"]) == (5, 4, 1, 0)
    assert found["model"] == MODEL
    assert found["fingerprint"] == open_encoder(MODEL).fingerprint
    examples = str(root / "artifacts" / "PairFilter" / "examples" / "5")
    assert found["sources"] == [{"kind": "examples", "at": examples, "ingest": {}}]
    files = [path for path in (tmp_path / "index").rglob("*") if path.is_file()]
    assert found["bytes"] + found["shard_bytes"] == sum(path.stat().st_size for path in files)
    assert found["damaged"] == []
    assert "images     5" in run("info")


def test_what_was_embedded_is_not_embedded_again(root, run, asked, tmp_path):
    run("build", "--model", MODEL)
    assert images_asked(asked) == 5
    before = (tmp_path / "index" / "manifest.json").read_bytes()
    run("build", "--model", MODEL)
    assert images_asked(asked) == 5
    assert (tmp_path / "index" / "manifest.json").read_bytes() != before  # other segments, of the same images
    assert len(rows_by_caption(tmp_path / "index")) == 5
    folder = root / "artifacts" / "PairFilter" / "examples" / "5"
    write_examples(folder, {"seen": {"a green brick": (0, 200, 0)}})
    run("build", "--model", MODEL)
    assert images_asked(asked) == 6  # the other split's file is as it was
    assert "a green brick" in rows_by_caption(tmp_path / "index")
    assert len(list((tmp_path / "index" / "shards").iterdir())) == 2


def test_an_image_that_does_not_decode_is_counted_and_left_out(root, run, info):
    (path,) = (root / "artifacts" / "PairFilter" / "examples" / "5" / "Split-train").iterdir()
    spoil(path, 1)
    said = run("build", "--model", MODEL)
    assert "skipped 1 record, image_not_decodable" in said
    assert "The index holds 4 images" in said
    assert info()["skipped"] == {"image_not_decodable": 1}


def test_a_killed_build_goes_on_where_it_was(root, run, asked, tmp_path):
    words = ["index", "build", "--model", MODEL, "--index", str(tmp_path / "index")]
    words += ["--set", f"output={root.parent}", "--set", f"name={root.name}"]
    environment = {**os.environ, "COLOUR_DIES_AT": "2"}  # as it embeds the second file
    environment["PYTHONPATH"] = str(Path(colour_encoder.__file__).parent)
    align = Path(sys.executable).with_name("align")
    assert subprocess.run([align, *words], env=environment, capture_output=True).returncode == -9
    assert not (tmp_path / "index" / "manifest.json").exists()
    assert len(list((tmp_path / "index" / "shards").glob("[!.]*"))) == 1
    said = run("build", "--model", MODEL)
    assert "1 of 2 parts" in said
    assert images_asked(asked) in (2, 3)
    assert len(rows_by_caption(tmp_path / "index")) == 5


def test_a_folder_with_the_index_of_another_model_is_refused(root, run, monkeypatch, tmp_path):
    run("build", "--model", MODEL)
    other = colour_encoder.ColourEncoder()
    other.fingerprint = "others"
    monkeypatch.setattr(colour_encoder, "other", other, raising=False)
    with pytest.raises(ConfigError, match=r"index holds an index of model .*; name another folder, or delete that one"):
        run("build", "--model", "colour_encoder:other")
    assert len(rows_by_caption(tmp_path / "index")) == 5


@pytest.mark.parametrize("name", ["index.json", "manifest.json"])
def test_what_is_damaged_or_gone_is_made_anew_by_a_build(run, info, tmp_path, name):
    run("build", "--model", MODEL)
    (tmp_path / "index" / name).write_text("{half", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"{name} is .*; build the index anew"):
        run("info")
    run("build", "--model", MODEL)
    assert info()["count"] == 5
    (tmp_path / "index" / name).unlink()  # as a first build leaves it that is killed between the two
    run("build", "--model", MODEL)
    assert info()["count"] == 5


def test_a_damaged_segment_is_named(run, info, tmp_path):
    run("build", "--model", MODEL)
    (vectors,) = (tmp_path / "index").glob("segment-*/vectors.f16")
    vectors.write_bytes(vectors.read_bytes()[:-1])
    with pytest.raises(AssertionError, match=vectors.parent.name):  # status 1
        run("info")


def test_without_an_index_one_sentence_says_how_to_make_one(root, run):
    with pytest.raises(ConfigError, match=r"holds no index; make one with `align index build`"):
        run("info")
    with pytest.raises(ConfigError, match=r"holds no index; make one with `align index build`"):
        newest_index(root)


def test_index_json_survives_a_round_trip(tmp_path, run):
    run("build", "--model", MODEL)
    made = Made.read(tmp_path / "index")
    made.write(tmp_path / "index")
    assert Made.read(tmp_path / "index") == made
