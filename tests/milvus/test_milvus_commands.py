"""An index in Milvus is loaded, searched, kept and described by the commands, and outlives its server's restart."""

from __future__ import annotations

import json
import time

import colour_encoder
import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from index_rows import index_rows
from serving.encoders.opening import encoder_of
from serving.search.questions import Question, Unavailable
from serving.search.searcher import Searcher
from serving.search.shards.files import write_shard
from serving.search.shards.schema import vector_column
from serving.search.stores.milvus.load import main as load
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
    segments, index = folder / "segments", folder / "in-milvus"
    run("build", str(folder), "--model", MODEL, "--index", str(segments))
    load([str(segments / "shards"), milvus, "coloured", str(index)])
    return index


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
    with pytest.raises(ConfigError, match="stands for an index in Milvus"):
        run("build", str(tmp_path), "--model", MODEL, "--index", str(place))


def test_a_bulk_insert_is_the_same_as_adding(milvus, tmp_path):
    """Ids come twice, within a shard's rows and between shards: the last one stays, as if they were added."""
    ids = [["a", "b", "c"], ["d", "b"], ["e", "a", "f"]]
    shards = [tmp_path / "shards" / f"{number}.parquet" for number in range(3)]
    for number, (shard, some) in enumerate(zip(shards, ids, strict=True)):
        write_shard(shard, index_rows(some, seed=number), fingerprint="f", dimension=8)
    for name, more in (("sent", []), ("read", ["--bulk", str(tmp_path / "bulk")])):
        load([str(tmp_path / "shards"), milvus, name, str(tmp_path / name), *more])
    sent, read = (MilvusStore(milvus, name) for name in ("sent", "read"))
    every = sorted({name for some in ids for name in some})
    assert read.count() == sent.count() == len(every)
    assert read.rows(every).equals(sent.rows(every))
    assert (read.vectors(every) == sent.vectors(every)).all()
    assert not [*(tmp_path / "bulk").iterdir()]
    with pytest.raises(SystemExit):
        load([str(tmp_path / "shards"), milvus, "read", str(tmp_path / "read"), "--bulk", str(tmp_path / "bulk")])


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
    server.stop()
    with pytest.raises(Unavailable, match=r"the index cannot be read: Milvus at .* does not answer"):
        found(searched, "red")
    with pytest.raises(ConfigError, match=r"Milvus at .* does not answer as it should"):
        run("info", "--index", str(place))
    server.start()
    for _ in range(60):
        try:
            assert found(searched, "red", k=1) == ["red"]
            return
        except Unavailable:  # it loads its collections
            time.sleep(1)
    pytest.fail("it was not found again")
