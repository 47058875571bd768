"""align search: what it prints and answers, how align query finds it, what it refuses."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest
from colour_encoder import ColourEncoder, picture
from coloured_run import COLOURS, write_examples
from rich.console import Console

from components.files.example_files import list_split
from serving.encoders.opening import encoder_of, open_encoder
from serving.search.pictures import PictureGone, Pictures
from serving.search.questions import Question, Unavailable
from serving.search.same_model import known_by_index
from serving.search.shards.schema import vector_column
from serving.search.stores.exact import ExactStore
from serving.search.stores.opening import EXACT, open_store
from serving.search.terms import Term
from serving.server.server import ModelServer
from tfx_pipeline.commands.search.query import answer
from tfx_pipeline.commands.search.search import Searching, open_searched, search_until_stopped
from tfx_pipeline.indexing.folder import Made, Origin
from tfx_pipeline.indexing.originals import Originals
from tfx_pipeline.runs.search_server import FILE, SearchServer, newest_made, running_server
from tfx_pipeline.settings.config import ConfigError

MODEL = "colour_encoder:encoder"


@pytest.fixture
def index(tmp_path) -> Path:
    """The folder of an index of a run's Examples, below a pipeline's root."""
    examples = write_examples(tmp_path / "examples")
    folder = tmp_path / "align" / "index" / "7"
    encoder = open_encoder(MODEL)
    store = ExactStore(folder / EXACT, fingerprint=encoder.fingerprint, dimension=4)
    for split, colours in COLOURS.items():
        (source,) = list_split(str(examples), split)
        rows = {
            "id": [f"{split}{row}" for row in range(len(colours))],
            "vector": vector_column(encoder.encode_image([picture(*colour) for colour in colours.values()])),
            "caption": list(colours),
            "split": [split] * len(colours),
            "source": [source] * len(colours),
            "row": list(range(len(colours))),
        }
        store.add(pa.table(rows))
    origin = Origin("examples", str(examples))
    Made(MODEL, encoder.fingerprint, 4, "2026-01-01T00:00:00+00:00", [origin]).write(folder)
    return folder


class Visitor(threading.Thread):
    """Waits for the banner, calls `visit` with the address, and ends the server."""

    def __init__(self, visit) -> None:
        super().__init__(daemon=True)
        self.console, self.visit, self.failed = Console(file=io.StringIO(), width=200), visit, None
        self.over = threading.Event()

    def run(self) -> None:
        while "Ctrl-C" not in (banner := self.console.file.getvalue()):
            if self.over.wait(0.02):
                return
        try:
            self.visit(re.search(r"Search them at (\S+)", banner)[1])
        except BaseException as error:
            self.failed = error
        os.kill(os.getpid(), signal.SIGTERM)


def serve(searching: Searching, visit) -> str:
    """Run a server, visit it, and return what it printed."""
    visitor = Visitor(visit)
    visitor.start()
    try:
        search_until_stopped(searching, visitor.console)
    finally:
        visitor.over.set()
        visitor.join(60)
    if visitor.failed:
        raise visitor.failed
    return visitor.console.file.getvalue()


def test_a_query_asks_the_server_that_runs_for_the_index(index, tmp_path, monkeypatch):
    root = index.parents[1]

    def visit(address):
        console = Console(file=io.StringIO(), width=140)
        page = answer(root, text="blue", k=2, out=tmp_path / "found.html", console=console)
        assert "tmavě modré moře" in console.file.getvalue().splitlines()[1]
        assert "of 5 images, model version 7. Pictures: " in console.file.getvalue()
        assert "Loading" not in console.file.getvalue()
        assert page.read_text(encoding="utf-8").count("data:image/png;base64,") == 2
        note = json.loads((index / FILE).read_text())
        assert (note["address"], note["pid"]) == (address, os.getpid())
        (tmp_path / "red.png").write_bytes(picture(255, 0, 0))
        more = {"image": tmp_path / "red.png", "duplicates": True, "splits": ["seen"], "server": address}
        answer(root, out=tmp_path / "like.html", console=console, **more)
        assert "2 of 2 images of seen, model version 7" in console.file.getvalue()
        assert (tmp_path / "like.html").is_file()
        with pytest.raises(ConfigError, match=r"http://127.*: the parts of the query cancel each other"):
            answer(root, text="red", minus_text="red", console=console)
        with pytest.raises(ConfigError, match="split 'unseen' does not exist in this run; its splits are seen, train"):
            answer(root, text="red", splits=["unseen"], console=console)
        align = Path(sys.executable).with_name("align")
        where = ["--set", f"output={root.parent}", "--set", "name=align", "--out", str(tmp_path / "again.html")]
        timed = [sys.executable, "-X", "importtime", align, "query", "green", *where]
        done = subprocess.run(timed, capture_output=True, text=True, timeout=60, check=True)
        assert "a green field" in done.stdout
        imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
        assert not imported & {"tensorflow", "keras", "apache_beam", "pyarrow", "faiss", "grpc"}

    monkeypatch.chdir(tmp_path)
    printed = serve(Searching(root, port=0), visit)
    assert f"5 images of model version 7, from {index}" in printed
    assert not (index / FILE).exists()
    assert running_server(index) is None


def test_two_indexes_are_asked_by_their_versions(index):
    other = index.with_name("8")
    other.mkdir()
    (other / EXACT).write_bytes((index / EXACT).read_bytes())
    (other / "index.json").write_bytes((index / "index.json").read_bytes())

    def visit(address):
        assert [model["version"] for model in SearchServer(address).info["models"]] == ["7", "8"]
        question = {"terms": [{"text": "red"}], "k": 1, "model": "8"}
        assert SearchServer(address).search(question)["hits"][0]["caption"] == "a red wall"

    serve(Searching(index.parents[1], indexes=(index, other), port=0), visit)


def test_without_a_server_a_query_loads_by_itself_and_says_how_to_start_one(index, tmp_path):
    (index / FILE).write_text(json.dumps({"address": "http://127.0.0.1:9", "pid": 1, "token": "gone"}))
    console = Console(file=io.StringIO(), width=200)
    answer(index.parents[1], text="blue", k=1, out=tmp_path / "found.html", console=console)
    assert "`align search` starts a server" in console.file.getvalue()
    assert "tmavě modré moře" in console.file.getvalue()
    assert "1 of 5 images, model version 7" in console.file.getvalue()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"server": "127.0.0.1:9"}, r"http://127.0.0.1:9 does not answer \(.*\); start one by `align search`"),
        ({"server": "ftp://a/b"}, r"--server is 'ftp://a/b'; give http://HOST:PORT"),
        ({"server": "a:1", "model": "b"}, "--server has a model and an index of its own"),
        ({"index": Path("nowhere")}, "nowhere holds no index"),
    ],
)
def test_a_server_that_is_not_there_is_said(tmp_path, question, said):
    with pytest.raises(ConfigError, match=said):
        answer(tmp_path, text="red", console=Console(file=io.StringIO()), **question)


def test_the_newest_index_is_the_one_that_was_built_last(index):
    other = index.with_name("6")
    other.mkdir()
    (other / "index.json").write_text('{"created": "2026-01-02T00:00:00+00:00"}')
    (index.parent / "5").mkdir()
    (index.parent / "5" / "index.json").write_text("{")
    assert newest_made(index.parents[1]) == other
    assert newest_made(index.parent) is None


def test_another_way_to_the_model_is_known_by_the_pictures_of_the_index(index):
    store, read = open_store(index), Originals(Made.read(index))

    class Server(ColourEncoder):
        fingerprint = "as a server says it"

    class Other(Server):
        def encode_image(self, images):
            return super().encode_image(images)[:, [1, 0, 2, 3]]

    pictures = Pictures(store, read)
    same = known_by_index(encoder_of(Server(), "served"), store, pictures)
    assert same.fingerprint == store.fingerprint
    assert same.encode_text(["red"]).shape == (1, 4)
    with pytest.raises(ValueError, match="and other is none that embeds its pictures as they are in the index"):
        known_by_index(encoder_of(Other(), "other"), store, pictures)

    def gone(source, row):
        raise FileNotFoundError(source)

    with pytest.raises(ValueError, match="build the index anew"):
        known_by_index(encoder_of(Server(), "served"), store, Pictures(store, gone))


def test_pictures_come_from_what_the_index_was_made_of_and_from_nowhere_else(index, tmp_path):
    searched = open_searched(index)
    for split, colours in COLOURS.items():
        for row, colour in enumerate(colours.values()):
            assert searched.pictures.encoded(f"{split}{row}") == picture(*colour)
    (tmp_path / "secret").write_bytes(picture(1, 2, 3))
    store = ExactStore(index / EXACT, fingerprint=searched.searcher.fingerprint, dimension=4)
    vector = vector_column(ColourEncoder().encode_image([picture(9, 9, 9)] * 3))
    outside = [str(tmp_path / "secret"), f"{tmp_path}/examples/../secret", "/etc/passwd"]
    store.add(pa.table({"id": ["x", "y", "z"], "vector": vector, "source": outside}))
    pictures = open_searched(index).pictures
    for name in "xyz":
        with pytest.raises(PictureGone, match="the index does not say how its pictures are read"):
            pictures.encoded(name)
    for file in (tmp_path / "examples").rglob("*.gz"):
        file.unlink()
    with pytest.raises(PictureGone, match=r"cannot be read from .*gz \(.*; put the file back, or build the index anew"):
        pictures.encoded("train0")


def test_a_model_server_encodes_the_queries_of_an_index_of_its_model(index, colour_model, tmp_path):
    shutil.copytree(colour_model, tmp_path / "models" / "1")
    made = Made.read(index)
    encoder = open_encoder(str(colour_model))
    rows = open_store(index).snapshot().table
    (index / EXACT).unlink()
    store = ExactStore(index / EXACT, fingerprint=encoder.fingerprint, dimension=4)
    files = [picture(*colour) for colours in COLOURS.values() for colour in colours.values()]
    order = [f"{split}{row}" for split, colours in COLOURS.items() for row in range(len(colours))]
    vectors = dict(zip(order, encoder.encode_image(files), strict=True))
    stacked = vector_column([vectors[name] for name in rows.column("id").to_pylist()])
    store.add(rows.drop(["vector"]).append_column("vector", stacked))
    Made(str(colour_model), encoder.fingerprint, 4, made.created, made.sources).write(index)
    with ModelServer(tmp_path / "models", port=0) as server:
        searcher, _ = open_searched(index, server.address)
        assert searcher.ask(Question((Term(text="green"),), k=1)).hits[0].metadata["caption"] == "a green field"
        server.stop()
        with pytest.raises(Unavailable, match=r"the model cannot answer: no server answers at 127\.0\.0\.1"):
            searcher.ask(Question((Term(text="blue"),), k=1))
