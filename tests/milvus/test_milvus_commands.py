"""An index in Milvus is loaded, searched, kept and described by the commands, and outlives its server's restart."""

from __future__ import annotations

import json
import time

import colour_encoder
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from index_rows import index_rows
from serving.encoders.opening import encoder_of
from serving.search.questions import Question, Unavailable
from serving.search.searcher import Searcher
from serving.search.shards.schema import vector_column
from serving.search.stores.milvus.connection import MilvusUnavailable
from serving.search.stores.milvus.milvus_store import MilvusStore, create_milvus_store
from serving.search.terms import Term
from tfx_pipeline.cli import app
from tfx_pipeline.commands.search.search import open_searched
from tfx_pipeline.settings.config import ConfigError

pytestmark = pytest.mark.milvus

MODEL = "colour_encoder:encoder"
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "violet": (200, 0, 255)}


def run(*words: str) -> str:
    """Returns what `align index` prints."""
    done = CliRunner().invoke(app, ["index", *words], terminal_width=300)
    if isinstance(done.exception, ConfigError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def place(milvus, tmp_path_factory):
    """The folder of an index in Milvus, made of four pictures."""
    folder = tmp_path_factory.mktemp("coloured")
    for name, colour in COLOURS.items():
        (folder / f"{name}.png").write_bytes(colour_encoder.picture(*colour))
    run("build", str(folder), *to(folder / "in-milvus", milvus, "coloured"))
    return folder / "in-milvus"


def to(index, milvus, name: str) -> list[str]:
    """Returns the options that build an index in Milvus."""
    return ["--model", MODEL, "--index", str(index), "--milvus", f"{milvus}/{name}"]


def found(searched, text: str, **more) -> list[str]:
    """Returns the names of the pictures that a text finds, the best first."""
    answer = searched.searcher.ask(Question((Term(text=text),), **more))
    return [hit.metadata["source"].rpartition("/")[2].partition(".")[0] for hit in answer.hits]


def test_it_is_searched_added_to_deleted_from_and_described(place, milvus, tmp_path):
    searched = open_searched(place)
    assert found(searched, "blue")[:2] == ["blue", "violet"]
    first = searched.searcher.ask(Question((Term(text="blue"),), k=1))
    (tmp_path / "azure.png").write_bytes(colour_encoder.picture(0, 100, 255))
    assert "The index holds 5 images" in run("add", str(tmp_path / "azure.png"), "--index", str(place))
    assert found(searched, "blue")[:3] == ["blue", "azure", "violet"]
    for _ in range(40):  # other questions, each of which takes a snapshot
        searched.searcher.count()
    second = searched.searcher.ask(Question((Term(text="blue"),), k=1), first.next)
    assert second.hits[0].metadata["source"].endswith("violet.png")  # not azure, which came later
    assert "Deleted 1 image of 2 ids" in run("delete", first.hits[0].id, "nobody", "--index", str(place))
    assert "Deleted 1 image for which" in run(
        "delete", "--where", f"source == {second.hits[0].metadata['source']}", "--index", str(place)
    )
    assert found(searched, "blue") == ["azure", "green", "red"]
    told = json.loads(run("info", "--json", "--index", str(place)))
    assert told["milvus"] == {"address": milvus, "collection": "coloured", "index": "FLAT"}
    assert told["count"] == searched.searcher.count() == 3
    said = run("info", "--index", str(place))
    assert f"Milvus at {milvus}, collection coloured, FLAT" in said
    assert "segment" not in said
    assert "Milvus was asked to merge" in run("compact", "--index", str(place))


def test_a_build_again_is_searched_at_once_and_what_was_before_is_gone(milvus, tmp_path):
    for name in ("red", "green"):
        (tmp_path / f"{name}.png").write_bytes(colour_encoder.picture(*COLOURS[name]))
    index = tmp_path / "index"
    run("build", str(tmp_path), *to(index, milvus, "anew_colours"), "--milvus-index", "HNSW")
    searched = open_searched(index)
    before = searched.searcher.store.snapshot()
    (tmp_path / "green.png").unlink()
    (tmp_path / "blue.png").write_bytes(colour_encoder.picture(*COLOURS["blue"]))
    assert "The index holds 2 images" in run("build", str(tmp_path), "--model", MODEL, "--index", str(index))
    assert sorted(found(searched, "red")) == ["blue", "red"]
    with pytest.raises(MilvusUnavailable, match=r"holds the collection no more .* search again"):
        before.search(np.eye(1, 4), 2)
    told = json.loads(run("info", "--json", "--index", str(index)))
    assert told["milvus"] == {"address": milvus, "collection": "anew_colours", "index": "HNSW"}
    held = MilvusStore(milvus, "anew_colours").connection.ask_server("list_collections")
    assert sum(name.startswith("anew_colours") for name in held) == 1


def test_what_cannot_be_built_in_milvus_is_said_in_a_sentence(place, milvus, tmp_path):
    (tmp_path / "red.png").write_bytes(colour_encoder.picture(*COLOURS["red"]))
    create_milvus_store(milvus, "of_no_build", fingerprint="colours", dimension=4)
    for name, refused in {
        "coloured": "holds an index coloured that .* does not stand for; choose another name",
        "of_no_build": "holds a collection 'of_no_build' that no build made",
        "a-b": "names no collection of Milvus; write http://HOST:PORT/NAME",
    }.items():
        with pytest.raises(ConfigError, match=refused):
            run("build", str(tmp_path), *to(tmp_path / "index", milvus, name))
    with pytest.raises(ConfigError, match=r"stands for coloured of Milvus at .*, not others at"):
        run("build", str(tmp_path), *to(place, milvus, "others"))
    with pytest.raises(ConfigError, match=r"Milvus at http://127\.0\.0\.1:1 does not answer"):
        run("build", str(tmp_path), *to(tmp_path / "index", "http://127.0.0.1:1", "others"))
    run("build", str(tmp_path), "--model", MODEL, "--index", str(tmp_path / "segments"))
    with pytest.raises(ConfigError, match=r"holds an index in segments, manifest\.json"):
        run("build", str(tmp_path), *to(tmp_path / "segments", milvus, "others"))


def test_a_bulk_insert_is_the_same_as_adding(milvus, tmp_path):
    """Ids come twice, within a file's rows and between files, and one text is too long: the last row stays, cut."""
    for number, ids in enumerate([["a", "b", "c"], ["d", "b"], ["e", "a", "f"]]):
        rows = index_rows(ids, dimension=4, seed=number)
        if number == 2:
            rows = rows.set_column(rows.column_names.index("caption"), "caption", pa.array(["ä" * 40000, "", "f"]))
        vectors = np.frombuffer(b"".join(rows.column("vector").to_pylist()), "<f2").reshape(-1, 4)
        rows = rows.drop(["vector"]).append_column("embedding", pa.array(vectors.astype(np.float32).tolist()))
        pq.write_table(rows, tmp_path / f"{number}.parquet")
    files = [str(tmp_path / f"{number}.parquet") for number in range(3)]
    for name, more in (("sent", []), ("read", ["--bulk", str(tmp_path / "bulk")])):
        for _ in range(2):  # the second one in the place of the first
            told = run("build", *files, *to(tmp_path / name, milvus, name), *more)
        assert "The index holds 6 images" in told
        assert "1 text longer than Milvus takes, cut" in told
    sent, read = (MilvusStore(milvus, name) for name in ("sent", "read"))
    assert read.count() == sent.count() == 6
    assert read.rows(list("abcdef")).equals(sent.rows(list("abcdef")))
    assert read.rows(["a", "b"]).column("caption").to_pylist() == ["", "b of 1"]
    assert (read.vectors(list("abcdef")) == sent.vectors(list("abcdef"))).all()
    assert not [*(tmp_path / "bulk").iterdir()]


def test_what_another_machine_adds_with_a_clock_that_is_ahead_is_found(milvus, monkeypatch):
    """Milvus's clock alone says what is older."""
    create_milvus_store(milvus, "clocks", fingerprint="f", dimension=4)
    store = MilvusStore(milvus, "clocks")
    monkeypatch.setattr("time.time", lambda: 4e9)
    monkeypatch.setattr("time.time_ns", lambda: 4 * 10**18)
    store.add(pa.table({"id": ["a"], "vector": vector_column(np.eye(1, 4))}))
    monkeypatch.undo()
    assert store.snapshot().count() == 1


def test_a_collection_that_was_made_anew_for_another_model_is_not_searched(milvus):
    encoder = encoder_of(colour_encoder.ColourEncoder(), "colours")
    create_milvus_store(milvus, "anew", fingerprint=encoder.fingerprint, dimension=4)
    store = MilvusStore(milvus, "anew")
    searcher = Searcher(encoder, store)
    assert searcher.count() == 0
    store.connection.ask("drop_collection")
    create_milvus_store(milvus, "anew", fingerprint="others", dimension=4)
    with pytest.raises(Unavailable, match="one of another model by now"):
        searcher.count()


def test_a_server_that_comes_back_is_asked_again_and_one_that_is_down_is_said_at_once(server, place):
    searched = open_searched(place)
    assert found(searched, "red", k=1) == ["red"]
    green = place.parent / "green.png"
    assert "Deleted 1 image" in run("delete", "--where", f"source == {green}", "--index", str(place))
    server.stop()
    with pytest.raises(Unavailable, match=r"the index cannot be read: Milvus at .* does not answer"):
        found(searched, "red")
    with pytest.raises(ConfigError, match=r"Milvus at .* does not answer as it should"):
        run("info", "--index", str(place))
    server.start()
    for _ in range(60):
        try:
            assert found(searched, "red", k=1) == ["red"]
            assert "green" not in found(searched, "red")
            return
        except Unavailable:  # it loads its collections
            time.sleep(1)
    pytest.fail("it was not found again")
