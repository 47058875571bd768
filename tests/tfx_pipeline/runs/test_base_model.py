"""What `training.base_model` names where no store of runs is needed to tell: folders, addresses, mistakes."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import tensorflow as tf
from rich.console import Console

from components.artifact_files import MODEL_FILE
from tfx_pipeline.runs.base_model import base_model_for_cluster, resolve_base_model
from tfx_pipeline.settings.config import Config, ConfigError, build

NEITHER = "is neither a model folder (it has no model.json) nor OUTPUT/NAME of runs (it has no metadata.sqlite)"


def config_of(base_model: str | None) -> Config:
    return build({"training": {"base_model": base_model}})


def resolved(base_model: str | None) -> str | None:
    """Returns the base model that a run takes, of which nothing is said."""
    console = Console(file=io.StringIO())
    found = resolve_base_model(config_of(base_model), console)
    assert found == config_of(found.training.base_model)  # nothing else changes
    assert console.file.getvalue() == ""
    return found.training.base_model


def refusal(base_model: str) -> str:
    """Returns the sentence by which a run refuses it."""
    with pytest.raises(ConfigError) as caught:
        resolve_base_model(config_of(base_model), Console(file=io.StringIO()))
    return str(caught.value)


def write_model_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / MODEL_FILE).write_text("{}")
    return folder


def test_a_model_folder_is_itself_by_its_real_path(tmp_path, monkeypatch):
    folder = write_model_folder(tmp_path / "models" / "base")
    (tmp_path / "latest").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    for named in (str(folder), "models/base/", "latest"):
        assert resolved(named) == str(folder)
    assert resolved(None) is None


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ([], "does not exist; name a model folder, or OUTPUT/NAME of runs"),
        (["named.old/model.json"], "does not exist; did you mean {0}/named.old?"),
        (["named"], f"{NEITHER}; name a model folder, or OUTPUT/NAME of runs"),
        (["named/notes.txt"], f"{NEITHER}; name a model folder, or OUTPUT/NAME of runs"),
        (["named/checkpoint/model.json", "named/servable/1/a.pb"], f"{NEITHER}; did you mean {{0}}/named/checkpoint?"),
        (
            ["named/b/metadata.sqlite", "named/a/metadata.sqlite"],
            f"{NEITHER}; did you mean {{0}}/named/a or {{0}}/named/b?",
        ),
    ],
)
def test_what_is_no_base_model_is_refused_with_what_may_have_been_meant(tmp_path, there, words):
    for name in there:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    named = f"{tmp_path}/named"
    assert refusal(named) == f"training.base_model is {named!r}, which {words.format(tmp_path)}"


def test_runs_whose_metadata_is_damaged(tmp_path):
    (tmp_path / "metadata.sqlite").write_text("no data base " * 100)
    assert refusal(str(tmp_path)) == (
        f"training.base_model is '{tmp_path}', whose metadata.sqlite cannot be read (Error when executing query: file "
        "is not a database); name a model folder"
    )


def test_an_address_stays_where_a_model_folder_is_there():
    tf.io.gfile.makedirs("ram://base")
    assert refusal("ram://base") == (
        "training.base_model is 'ram://base', which is no model folder (it has no model.json); name one, as only on "
        "this machine are runs looked up for their blessed model"
    )
    with tf.io.gfile.GFile("ram://base/model.json", "w") as file:
        file.write("{}")
    assert resolved("ram://base") == "ram://base"
    assert "'ftp://base', which cannot be read (File system scheme 'ftp' not implemented" in refusal("ftp://base")


def test_a_cluster_gets_a_model_folder_by_its_absolute_path(tmp_path, monkeypatch):
    write_model_folder(tmp_path / "base")
    monkeypatch.chdir(tmp_path)
    for named, given in {
        "base": f"{tmp_path}/base",
        "mounted/elsewhere": f"{tmp_path}/mounted/elsewhere",
        "gs://bucket/base": "gs://bucket/base",
        None: None,
    }.items():
        assert base_model_for_cluster(config_of(named)) == config_of(given)
    (tmp_path / "notes").mkdir()
    with pytest.raises(ConfigError, match="'notes', which is neither a model folder"):
        base_model_for_cluster(config_of("notes"))
