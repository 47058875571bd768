"""A ModelServerConfig file that changes while it is served: taken up, or logged and left."""

from __future__ import annotations

import logging
import shutil
import time

import pytest

from serving.server.core.spec import ModelSpec
from serving.server.server import ModelServer


def wait_for(condition) -> None:
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.fixture
def file(colour_model, tmp_path):
    shutil.copytree(colour_model, tmp_path / "base" / "5")
    return tmp_path / "models.config"


def write(file, *entries: tuple[str, str]) -> None:
    configs = [
        f'config {{ name: "{name}" base_path: "{file.parent / base}" model_platform: "tensorflow" }}'
        for name, base in entries
    ]
    written = file.with_suffix(".partial")
    written.write_text("model_config_list { " + " ".join(configs) + " }", encoding="utf-8")
    written.rename(file)


def test_a_file_that_changes_is_taken_up_and_a_bad_one_is_logged(file, caplog):
    write(file, ("first", "base"))
    with caplog.at_level(logging.ERROR), ModelServer(file, port=0, poll_s=0.05) as server:
        assert server.available() == {"first": [5]}
        write(file, ("first", "base"), ("second", "base"))
        wait_for(lambda: server.available() == {"first": [5], "second": [5]})
        file.write_text("model_config_list {", encoding="utf-8")
        wait_for(lambda: "the models go on as they were" in caplog.text)
        assert str(file) in caplog.text
        file.unlink()
        wait_for(lambda: "cannot be read" in caplog.text)
        assert server.available() == {"first": [5], "second": [5]}
        write(file, ("second", "base"))
        wait_for(lambda: server.available() == {"second": [5]})
    assert caplog.text.count("the models go on as they were") == 2


def test_a_bad_file_keeps_the_server_from_starting(file):
    file.write_text("models", encoding="utf-8")
    with pytest.raises(ValueError, match=r"models\.config is no text of a ModelServerConfig"):
        ModelServer(file, port=0)


def test_a_label_may_move_to_a_version_that_is_still_to_come(file, colour_model, caplog):
    def labelled(version: int) -> str:
        return (
            f'model_config_list {{ config {{ name: "m" base_path: "{file.parent / "base"}" model_platform: "tensorflow"'
            f' model_version_policy {{ all {{}} }} version_labels {{ key: "stable" value: {version} }} }} }}'
        )

    def stable() -> int:
        with server.models.use(ModelSpec("m", label="stable")) as version:
            return version.version

    file.write_text(labelled(5), encoding="utf-8")
    with caplog.at_level(logging.ERROR), ModelServer(file, port=0, poll_s=0.05) as server:
        file.write_text(labelled(6), encoding="utf-8")
        wait_for(lambda: "assign label to version 6" in caplog.text)
        time.sleep(0.3)
        assert stable() == 5
        shutil.copytree(colour_model, file.parent / "base" / "6")
        wait_for(lambda: stable() == 6)
    assert caplog.text.count("the models go on as they were") == 1
