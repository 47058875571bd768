"""`align embed` on files of every kind, by an object whose vectors are worked out by hand, a folder and a server."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from colour_encoder import picture
from rich.console import Console

from tfx_pipeline.commands import embed as command
from tfx_pipeline.commands.embed import embed
from tfx_pipeline.embedding.sources import Columns
from tfx_pipeline.settings.config import ConfigError

MODEL = "colour_encoder:encoder"
RED, GREEN, BLUE = picture(255, 0, 0), picture(0, 255, 0), picture(0, 0, 255)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "photos"
    (made / "b").mkdir(parents=True)
    (made / "c.PNG").write_bytes(RED)
    (made / "b" / "a.png").write_bytes(GREEN)
    (made / "notes.md").write_text("no image")
    return made


def told(words, out, **settings) -> str:
    console = Console(file=io.StringIO(), width=200)
    embed([str(word) for word in words], model=settings.pop("model", MODEL), out=out, console=console, **settings)
    return console.file.getvalue()


def rows(out: Path) -> list[tuple[str, str, int]]:
    """Returns id, kind and the place of the largest number: 0 red, 1 green, 2 blue, 3 none of them."""
    table = pq.read_table(out).to_pylist()
    return [(row["id"], row["kind"], int(np.argmax(row["embedding"]))) for row in table]


def test_a_folder_is_read_in_the_order_of_its_names(folder, tmp_path):
    said = told([folder], tmp_path / "v.parquet")
    assert rows(tmp_path / "v.parquet") == [
        (str(folder / "c.PNG"), "image", 0),
        (str(folder / "b" / "a.png"), "image", 1),
    ]
    assert "2 vectors in" in said
    assert sorted(os.listdir(tmp_path)) == ["photos", "v.parquet"]


def test_captions_globs_and_files_keep_the_order_they_are_named_in(folder, tmp_path):
    (tmp_path / "captions.txt").write_bytes(b"blue sky\r\ngreen grass\n")
    told([tmp_path / "captions.txt", folder / "b" / "*.png", folder / "c.PNG"], tmp_path / "v.parquet")
    assert [(kind, colour) for _, kind, colour in rows(tmp_path / "v.parquet")] == [
        ("text", 2),
        ("text", 1),
        ("image", 1),
        ("image", 0),
    ]
    assert rows(tmp_path / "v.parquet")[1][0] == f"{tmp_path}/captions.txt:2"


def test_numpy_has_the_rows_and_their_ids_beside(folder, tmp_path):
    told([folder], tmp_path / "v.npy")
    vectors = np.load(tmp_path / "v.npy")
    assert vectors.dtype == np.float32
    assert vectors.argmax(axis=1).tolist() == [0, 1]
    assert (tmp_path / "v.ids.txt").read_text().splitlines() == [str(folder / "c.PNG"), str(folder / "b" / "a.png")]


def test_names_come_from_standard_input(folder, tmp_path):
    listed = io.StringIO(f"{folder / 'c.PNG'}\n\n{folder / 'b'}\n")
    told(["-"], tmp_path / "v.parquet", listed=listed)
    assert [colour for *_, colour in rows(tmp_path / "v.parquet")] == [0, 1]


@pytest.mark.parametrize(
    ("column", "kinds"),
    [
        (pa.array(["red", "blue"]), ["text", "text"]),
        (pa.array([RED, BLUE], pa.binary()), ["image", "image"]),
        (pa.array([{"bytes": RED, "path": "x"}, {"bytes": BLUE, "path": "y"}]), ["image", "image"]),
    ],
    ids=["texts", "bytes", "structs"],
)
def test_a_parquet_column_is_read_by_its_type(column, kinds, tmp_path):
    pq.write_table(pa.table({"n": [1, 2], "value": column}), tmp_path / "in.parquet")
    told([tmp_path / "in.parquet"], tmp_path / "v.parquet")
    assert rows(tmp_path / "v.parquet") == [
        (f"{tmp_path}/in.parquet:{row}", kind, colour) for row, kind, colour in zip([0, 1], kinds, [0, 2], strict=True)
    ]


def test_columns_are_named_where_there_are_several(tmp_path):
    pq.write_table(pa.table({"url": ["u1", "u2"], "caption": ["red", ""]}), tmp_path / "in.parquet")
    with pytest.raises(ConfigError, match=r"several columns to embed; name one by --column, .*: url, caption"):
        told([tmp_path / "in.parquet"], tmp_path / "v.parquet")
    said = told([tmp_path / "in.parquet"], tmp_path / "v.parquet", columns=Columns("caption", "url"))
    assert rows(tmp_path / "v.parquet") == [("u1", "text", 0)]
    assert "skipped u2: the cell is empty" in said
    with pytest.raises(ConfigError, match="no column 'no' to embed"):
        told([tmp_path / "in.parquet"], tmp_path / "v.parquet", columns=Columns("no"))
    with pytest.raises(ConfigError, match="no column 'no' for --id-column"):
        told([tmp_path / "in.parquet"], tmp_path / "v.parquet", columns=Columns("caption", "no"))


def test_what_cannot_be_read_is_named_with_its_reason_and_left_out(folder, tmp_path):
    (folder / "d.jpg").write_bytes(b"no image")
    (folder / "e.jpg").symlink_to("gone")
    (tmp_path / "captions.txt").write_bytes(b"red\n\n\xff\xfe\nblue\n")
    said = told([folder, tmp_path / "captions.txt"], tmp_path / "v.parquet")
    assert [colour for *_, colour in rows(tmp_path / "v.parquet")] == [0, 1, 0, 2]
    skipped = dict(line.split("\t") for line in (tmp_path / "v.skipped.tsv").read_text().splitlines())
    assert list(skipped) == [
        str(folder / "d.jpg"),
        str(folder / "e.jpg"),
        f"{tmp_path}/captions.txt:2",
        f"{tmp_path}/captions.txt:3",
    ]
    assert "unknown header" in skipped[str(folder / "d.jpg")]
    assert "No such file" in skipped[str(folder / "e.jpg")]
    assert list(skipped.values())[2:] == ["the line is empty", "the line is no UTF-8, from byte 0 on"]
    assert f"4 inputs skipped, each with its reason in {tmp_path}/v.skipped.tsv" in said
    told([folder / "c.PNG"], tmp_path / "v.parquet")
    assert not (tmp_path / "v.skipped.tsv").exists()  # which told of another run


@pytest.mark.parametrize("out", ["v.parquet", "v.npy"])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_chunks_of_any_size_give_the_same_file(tmp_path, monkeypatch, out, size):
    monkeypatch.setattr(command, "CHUNK", size)
    lines = [("red", "green", "blue")[number % 3] for number in range(7)]
    (tmp_path / "captions.txt").write_text("\n".join(lines))
    told([tmp_path / "captions.txt"], tmp_path / out)
    found = np.load(tmp_path / out) if out.endswith("npy") else pq.read_table(tmp_path / out)["embedding"].to_pylist()
    assert np.argmax(found, axis=1).tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_nothing_is_left_where_it_fails(folder, tmp_path):
    (folder / "c.PNG").write_bytes(b"no")
    (folder / "b" / "a.png").write_bytes(b"no")
    (tmp_path / "v.parquet").write_bytes(b"from before")
    with pytest.raises(ConfigError, match=r"none of 2 inputs could be embedded; the first, .*c\.PNG: .*unknown header"):
        told([folder], tmp_path / "v.parquet")
    assert (tmp_path / "v.parquet").read_bytes() == b"from before"
    assert sorted(os.listdir(tmp_path)) == ["photos", "v.parquet"]


@pytest.mark.parametrize(
    ("words", "out", "said"),
    [
        (["nowhere.png"], "v.parquet", "nowhere.png names no file, folder or glob that matches"),
        (["-"], "v.parquet", "there is nothing to embed"),
        (["t.txt"], "v.csv", r"ends in neither of \.parquet and \.npy"),
        (["empty"], "v.parquet", "^empty: no image and no text is there"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, monkeypatch, words, out, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "t.txt").write_text("red")
    with pytest.raises(ConfigError, match=said):
        told(words, Path(out), listed=io.StringIO(""))


@pytest.fixture(scope="module")
def models(colour_model, tmp_path_factory):
    base = tmp_path_factory.mktemp("models")
    shutil.copytree(colour_model, base / "1")
    return base


@pytest.fixture(scope="module")
def address(models):
    from serving.server.server import ModelServer

    with ModelServer(models, port=0) as server:
        yield server.address


def test_a_server_gives_what_the_model_gives_in_this_process(models, address, folder, tmp_path):
    (folder / "d.png").write_bytes(GREEN[:-30])  # that it is cut short only the model's decoder can tell
    said = told([folder], tmp_path / "served.npy", model=address)
    assert f"skipped {folder / 'd.png'}: " in said
    told([folder], tmp_path / "here.npy", model=str(models))
    np.testing.assert_allclose(np.load(tmp_path / "served.npy"), np.load(tmp_path / "here.npy"), atol=1e-6)
    assert len(np.load(tmp_path / "here.npy")) == 2


def test_the_command_asks_a_server_without_tensorflow(address, tmp_path):
    (tmp_path / "t.txt").write_text("red\n")
    arguments = ["embed", str(tmp_path / "t.txt"), "--model", address, "--out", str(tmp_path / "v.npy")]
    program = (
        f"import sys; from tfx_pipeline.cli import app; app({arguments!r}, standalone_mode=False); "
        "assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 vector in" in done.stdout
    assert np.load(tmp_path / "v.npy").shape == (1, 4)
