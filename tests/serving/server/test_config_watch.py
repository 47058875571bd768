"""A ModelServerConfig file that changes while it is served: taken up, or logged and left."""

from __future__ import annotations

import logging
import shutil
import time

import pytest

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
