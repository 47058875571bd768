"""The model config file that labels stand in is TensorFlow Serving's, and what else stands in it stays."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress

import pytest

from serving.server.core.config_file import read_config
from serving.server.refusal import Refusal
from serving.version_labels import listed_versions, read_labels, with_labels


def written(path, *args, **kwargs):
    aside = path.with_name("aside")
    aside.write_text(with_labels(path, *args, **kwargs), encoding="utf-8")
    os.replace(aside, path)  # as the command writes it
    (model,) = read_config(path).model_config_list.config
    return model


def test_labels_and_their_versions_are_served_and_read_again(tmp_path):
    path = tmp_path / "models.config"
    assert read_labels(path) == {}
    model = written(path, tmp_path / "align", {"stable": 3, "canary": 4, "last": 3})
    assert (model.name, model.base_path, model.model_platform) == ("align", str(tmp_path / "align"), "tensorflow")
    assert list(model.model_version_policy.specific.versions) == [3, 4]
    assert list(read_labels(path).items()) == [("last", 3), ("stable", 3), ("canary", 4)]


def test_the_servers_path_is_kept_and_no_label_is_the_newest(tmp_path):
    path = tmp_path / "models.config"
    assert written(path, tmp_path, {"a": 1}, base_path="/models/align").base_path == "/models/align"
    model = written(path, tmp_path, {})
    assert model.base_path == "/models/align"
    assert not model.HasField("model_version_policy")
    assert read_labels(path) == {}


def test_a_label_moves_to_a_loaded_version_alone_and_keeps_the_way_back(tmp_path):
    path = tmp_path / "models.config"
    written(path, tmp_path, {"stable": 3})
    with pytest.raises(ValueError, match=r"stable would move to version 4, which .* canary=4"):
        with_labels(path, tmp_path, {"stable": 4})
    with pytest.raises(ValueError, match="stable would move to version 4"):
        with_labels(path, tmp_path, {"stable": 4, "canary": 4})
    versions = [3, 4], [3, 4], [3, 4], [3]
    for labels, listed in zip(
        ({"stable": 3, "canary": 4}, {"stable": 4, "canary": 4}, {"stable": 3}, {"stable": 3}), versions, strict=True
    ):
        written(path, tmp_path, labels)
        assert listed_versions(path) == listed


def test_what_stands_beside_the_labels_stays(tmp_path):
    path = tmp_path / "models.config"
    other = 'name: "mine" base_path: "/m" model_platform: "tensorflow" model_version_policy { all {} }'
    path.write_text(f"model_config_list {{ config {{ {other} }} }}", encoding="utf-8")
    model = written(path, tmp_path, {"stable": 2})
    assert (model.name, model.base_path) == ("mine", "/m")
    assert list(model.model_version_policy.specific.versions) == [2]


@pytest.mark.parametrize(
    ("labels", "base_path", "told"),
    [
        ({"": 1}, None, "'' is no label"),
        ({"3": 1}, None, "'3' is no label"),
        ({"a b": 1}, None, "'a b' is no label; write a letter, then"),
        ({"a": 1}, "models/align", "--base-path is 'models/align'; give the whole path"),
    ],
)
def test_what_no_server_would_take_is_refused(tmp_path, labels, base_path, told):
    with pytest.raises(ValueError, match=told):
        with_labels(tmp_path / "models.config", tmp_path, labels, base_path)


def test_a_file_of_another_form_is_refused(tmp_path):
    path = tmp_path / "models.config"
    path.write_text("model_config_list { ", encoding="utf-8")
    with pytest.raises(ValueError, match="is no text of a ModelServerConfig"):
        read_labels(path)
    one = 'config {{ name: "{}" base_path: "/m" model_platform: "tensorflow" }}'
    path.write_text(f"model_config_list {{ {one.format('a')} {one.format('b')} }}", encoding="utf-8")
    with pytest.raises(ValueError, match="configures 2 models"):
        with_labels(path, tmp_path, {"stable": 1})


def test_a_running_server_follows_a_canary_to_stable_and_back(colour_model, tmp_path):
    from serving.server.core.spec import ModelSpec
    from serving.server.server import ModelServer

    path, base = tmp_path / "models.config", tmp_path / "align"
    for number in ("1", "2"):
        shutil.copytree(colour_model, base / number)
    written(path, base, {"stable": 1})
    with ModelServer(path, port=0, poll_s=0.1) as server:

        def wait_for(label: str, version: int) -> None:
            deadline, found = time.monotonic() + 60, None
            while found != version:
                assert time.monotonic() < deadline, found
                with server.models.use(ModelSpec("align", label="stable")):
                    time.sleep(0.01)  # it is answered at any moment
                with suppress(Refusal), server.models.use(ModelSpec("align", label=label)) as used:
                    found = used.version

        wait_for("stable", 1)
        written(path, base, {"stable": 1, "canary": 2})
        wait_for("canary", 2)
        written(path, base, {"stable": 2})
        wait_for("stable", 2)
        written(path, base, {"stable": 1})
        wait_for("stable", 1)
