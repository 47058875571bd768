"""align index add, delete and compact, on vectors in Parquet and on pictures."""

from __future__ import annotations

import functools
import io
from contextlib import ExitStack

import colour_encoder
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from colour_encoder import picture
from rich.console import Console

from serving.encoders.opening import open_encoder
from serving.search.filters import And, Where
from serving.search.shards.files import write_shard
from serving.search.shards.schema import vector_column
from serving.search.stores.opening import open_store
from serving.search.stores.segments.manifest import COMPACTING, locked
from tfx_pipeline.commands.search.index_changes import delete_images
from tfx_pipeline.indexing import building
from tfx_pipeline.indexing.conditions import filter_of
from tfx_pipeline.indexing.embedded import Work
from tfx_pipeline.indexing.folder import Made, is_index
from tfx_pipeline.indexing.named import parts_named
from tfx_pipeline.indexing.passes.embed_job import pipeline_of
from tfx_pipeline.indexing.vectors import parts_of_vectors
from tfx_pipeline.settings.config import ConfigError

MODEL = "colour_encoder:encoder"


def ids_in(folder) -> set[str]:
    store = open_store(folder)
    return set(store.search(np.eye(1, 4), 1000).ids[0])


@pytest.fixture
def vectors(tmp_path):
    """Eight rows of vectors of several lengths, of which three cannot be used, in row groups of four."""
    rows = {
        "id": ["a", "b", "c", "d", "e", "f", None, "h"],
        "embedding": [[3, 0, 0, 0], [0, 2, 0, 0], None, [0, 0, 0, 0], [1, 1], [0, 0, 1, 0], [0, 0, 0, 5], [1, 0, 0, 1]],
        "caption": ["red", "green", "c", "d", "e", None, "grey", "h"],
        "width": [10, 20, 30, 40, 50, 60, 70, 80],
    }
    table = pa.table(rows, schema=pa.schema({"id": pa.string(), "embedding": pa.list_(pa.float32()),
                                             "caption": pa.string(), "width": pa.int64()}))  # fmt: skip
    path = tmp_path / "vectors.parquet"
    pq.write_table(table, path, row_group_size=4)
    return path


def test_vectors_in_parquet_are_indexed_at_unit_length_and_bad_ones_counted(vectors, run, info, tmp_path):
    said = run("build", str(vectors), "--model", MODEL)
    assert "The index holds 5 images" in said
    assert info()["skipped"] == {
        "no_vector": 1,
        "vector_without_direction": 1,
        "vector_of_another_dimension": 1,
    }
    store = open_store(tmp_path / "index")
    assert store.rows(["a", "f"]).select(["caption", "width", "row"]).to_pylist() == [
        {"caption": "red", "width": 10, "row": 0},
        {"caption": None, "width": 60, "row": 5},
    ]
    np.testing.assert_allclose(store.vectors(["a", "h"]), [[1, 0, 0, 0], [0.5**0.5, 0, 0, 0.5**0.5]], atol=1e-3)
    (unnamed,) = ids_in(tmp_path / "index") - {"a", "b", "f", "h"}
    assert store.rows([unnamed]).column("row").to_pylist() == [6]


def test_a_large_file_of_vectors_is_divided_by_its_row_groups(vectors, monkeypatch):
    monkeypatch.setattr("tfx_pipeline.indexing.vectors.ROWS_A_PART", 4)
    parts = parts_of_vectors(str(vectors))
    assert [(part.groups, part.first_row) for part in parts] == [((0, 1), 0), ((1, 2), 4)]
    assert parts[1].rows(4, "all")[0].column("row").to_pylist() == [5, 6, 7]


def test_what_is_deleted_while_others_are_added_stays_deleted(vectors, run, info, tmp_path, monkeypatch):
    run("build", str(vectors), "--model", MODEL)
    pq.write_table(pa.table({"id": ["z"], "embedding": [[0, 1.0, 0, 0]]}), tmp_path / "more.parquet")
    encode = building.run_encoding

    def after_a_delete(*given):
        run("delete", "a")
        return encode(*given)

    monkeypatch.setattr(building, "run_encoding", after_a_delete)
    run("add", str(tmp_path / "more.parquet"))
    assert ids_in(tmp_path / "index") >= {"b", "f", "h", "z"}
    assert "a" not in ids_in(tmp_path / "index")
    made = Made.read(tmp_path / "index")
    assert (made.deleted, len(made.sources), len(made.shards)) == (1, 2, 2)


@pytest.mark.parametrize(
    "kind", [pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float32(), 4)], ids=str
)
def test_vectors_are_lists_of_any_kind(tmp_path, kind):
    """ClickHouse 68209, pg_parquet 116: a list of a fixed size was none. A width of 2**40 is the fault of one row."""
    rows = pa.table({"embedding": pa.array([[2, 0, 0, 0], [0, 1, 0, 0]], kind), "width": [2**40, 7]})
    pq.write_table(rows.append_column("id", pa.array([1, 2])), tmp_path / "v.parquet")
    (part,) = parts_of_vectors(str(tmp_path / "v.parquet"))
    found, counts = part.rows(4, "all")
    assert found.select(["id", "width", "row"]).to_pylist() == [{"id": "2", "width": 7, "row": 1}]
    assert counts.dropped == {("all", "images", "value_out_of_range"): 1}


def test_a_null_among_lists_of_a_fixed_size_is_counted_or_one_sentence(tmp_path):
    """Older versions of pyarrow cannot read it, later ones can."""
    kind = pa.list_(pa.float32(), 4)
    pq.write_table(pa.table({"embedding": pa.array([[1, 0, 0, 0], None], kind)}), tmp_path / "v.parquet")
    (part,) = parts_of_vectors(str(tmp_path / "v.parquet"))
    try:
        told = str(dict(part.rows(4, "all")[1].dropped))
    except ValueError as error:
        told = str(error)
    assert told == "{('all', 'images', 'no_vector'): 1}" or "v.parquet cannot be read" in told


def test_rows_of_one_id_in_a_file_are_counted(tmp_path, run):
    twice = {"id": ["a", "a", "b"], "embedding": [[1.0, 0, 0, 0]] * 3, "caption": ["first", "second", "b"]}
    pq.write_table(pa.table(twice), tmp_path / "twice.parquet")
    said = run("build", str(tmp_path / "twice.parquet"), "--model", MODEL)
    assert "1 image gave way to a later one of the same id" in said
    assert open_store(tmp_path / "index").rows(["a"]).column("caption").to_pylist() == ["second"]


def test_what_align_embed_writes_of_texts_is_no_image(tmp_path, run, info):
    table = {"id": ["p", "t"], "kind": ["image", "text"], "embedding": [[1.0, 0, 0, 0], [0, 1.0, 0, 0]]}
    pq.write_table(pa.table(table), tmp_path / "both.parquet")
    run("build", str(tmp_path / "both.parquet"), "--model", MODEL)
    assert (info()["count"], info()["skipped"]) == (1, {"vector_of_a_text": 1})


def test_added_images_replace_those_of_their_id_and_keep_the_others(vectors, run, info, tmp_path):
    run("build", str(vectors), "--model", MODEL)
    newer = pa.table({"id": ["a", "z"], "embedding": [[0, 1.0, 0, 0]] * 2, "caption": ["newer", "z"]})
    pq.write_table(newer, tmp_path / "newer.parquet")
    said = run("add", str(tmp_path / "newer.parquet"))
    assert "1 image gave way to a later one of the same id" in said
    assert "The index holds 6 images" in said
    store = open_store(tmp_path / "index")
    assert store.rows(["a", "b"]).column("caption").to_pylist() == ["newer", "green"]
    assert [source["at"] for source in info()["sources"]] == [str(vectors), str(tmp_path / "newer.parquet")]
    assert (info()["segments"], info()["tombstones"]) == (2, 1)
    assert "6 images in 1 segment" in run("compact")
    assert (info()["count"], info()["tombstones"]) == (6, 0)


def test_pictures_of_a_folder_are_embedded_and_lie_where_they_say(tmp_path, run, info):
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    (folder / "red.png").write_bytes(picture(255, 0, 0))
    (folder / "deep" / "blue.png").write_bytes(picture(0, 0, 255))
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("none")
    run("build", str(folder), "--model", MODEL)
    store = open_store(tmp_path / "index")
    rows = store.rows(store.search(np.array([[0, 0, 1, 0.1]]), 5).ids[0]).to_pylist()
    assert [row["source"] for row in rows] == [str(folder / "deep" / "blue.png"), str(folder / "red.png")]
    assert {row["row"] for row in rows} == {None}
    assert info()["skipped"] == {"image_not_decodable": 1}
    assert info()["sources"] == [{"kind": "images", "at": str(folder), "ingest": {}}]


def test_deleted_images_are_found_no_more(vectors, run, info, tmp_path):
    run("build", str(vectors), "--model", MODEL)
    assert "Deleted 1 image of 2 ids; the index holds 4 images" in run("delete", "a", "nobody")
    assert "Deleted 2 images for which width >= 60 and width < 80" in run(
        "delete", "--where", "width >= 60", "--where", "width < 80"
    )
    assert ids_in(tmp_path / "index") == {"b", "h"}
    assert info()["tombstones"] == 3
    told = Console(file=io.StringIO())
    listed = io.StringIO("\ufeffb\r\n\nh\n")  # as Windows writes a list
    assert delete_images(tmp_path, tmp_path / "index", ["-"], [], listed=listed, console=told) == 2
    assert (info()["count"], info()["segments"]) == (0, 0)
    run("add", str(vectors))
    assert info()["count"] == 5


def test_what_cannot_be_done_is_one_sentence(vectors, run, monkeypatch):
    other = colour_encoder.ColourEncoder()
    other.fingerprint = "others"
    monkeypatch.setattr(colour_encoder, "other", other, raising=False)
    run("build", str(vectors), "--model", MODEL)
    for words, said in (
        (("delete",), "say what to delete"),
        (("delete", "a", "--where", "width > 3"), "say what to delete"),
        (("delete", "--where", "width>3"), "write FIELD OP VALUE"),
        (("delete", "--where", "width > wide"), "width is int32"),
        (("delete", "--where", "colour == red"), "names the field 'colour'"),
        (("add", "nowhere"), "nowhere names no file"),
        (("add", "--ingest", "nowhere"), "two sources"),
        (("add", str(vectors), "--model", "colour_encoder:other"), "made by model"),
    ):
        with pytest.raises(ConfigError, match=said):
            run(*words)


@pytest.mark.parametrize(
    ("name", "said"), [("exact.parquet", "holds an exact index"), ("milvus.json", "milvus.json does not say where")]
)
def test_an_index_without_segments_gets_no_second_beside_it(vectors, run, tmp_path, name, said):
    run("build", str(vectors), "--model", MODEL)
    (tmp_path / "index" / "manifest.json").rename(tmp_path / "index" / name)
    assert is_index(tmp_path / "index")
    with pytest.raises(ConfigError, match=said):
        run("build", str(vectors), "--model", MODEL)
    if name == "exact.parquet":
        for words in (("delete", "a"), ("compact",)):
            with pytest.raises(ConfigError, match=said):
                run(*words)


def test_files_that_cannot_be_indexed_are_one_sentence(tmp_path, run):
    folder = tmp_path / "sources"
    folder.mkdir()
    with pytest.raises(ConfigError, match="holds no picture and no Parquet file"):
        run("build", str(folder), "--model", MODEL)
    (folder / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ConfigError, match=r"broken.parquet cannot be read as Parquet"):
        run("build", str(folder), "--model", MODEL)
    pq.write_table(pa.table({"id": ["a"], "caption": ["b"]}), folder / "broken.parquet")
    with pytest.raises(ConfigError, match=r"no column of vectors"):
        run("build", str(folder), "--model", MODEL)
    pq.write_table(pa.table({"vector": [[1.0]], "caption": [["b"]]}), folder / "broken.parquet")
    with pytest.raises(ConfigError, match=r"column 'caption' .* is list<.*convert it"):
        run("build", str(folder), "--model", MODEL)
    pq.write_table(pa.table({"vector": [[1.0, 2.0]]}), folder / "broken.parquet")
    with pytest.raises(ConfigError, match=r"no image that can be indexed \(vector_of_another_dimension 1\)"):
        run("build", str(folder), "--model", MODEL)
    assert not (tmp_path / "index" / "manifest.json").exists()


def test_a_shard_of_another_model_is_refused(tmp_path, run, info):
    rows = pa.table({"id": ["s"], "vector": vector_column(np.eye(1, 4)), "caption": ["of a shard"]})
    shard = tmp_path / "shard.parquet"
    write_shard(shard, rows, fingerprint="another", dimension=4)
    with pytest.raises(ConfigError, match=r"holds vectors of model another with D = 4"):
        run("build", str(shard), "--model", MODEL)
    write_shard(shard, rows, fingerprint=open_encoder(MODEL).fingerprint, dimension=4)
    run("build", str(shard), "--model", MODEL)
    assert info()["count"] == 1


def test_a_condition_has_its_columns_type():
    assert filter_of(["width >= 200", "caption == a red wall"]) == And(
        (Where("width", ">=", 200), Where("caption", "==", "a red wall"))
    )


def test_a_second_command_says_that_it_waits_for_the_first(vectors, run, tmp_path):
    run("build", str(vectors), "--model", MODEL)
    folder, said, first = tmp_path / "index", [], ExitStack()
    first.enter_context(locked(folder, COMPACTING))

    def announce(sentence: str) -> None:
        said.append(sentence)
        first.close()

    parts, origins = parts_named([str(vectors)])
    work = Work(folder, MODEL, open_encoder(MODEL), functools.partial(pipeline_of, ()), announce)
    assert building.add(work, parts, origins).count == 5
    assert said == [f"Another `align index` is at work in {folder}; this one begins when it is done. Ctrl-C gives up."]
