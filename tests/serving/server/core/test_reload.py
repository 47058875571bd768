"""Another configuration while requests come: labels that move, models that come and go, what is refused."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from served_models import config_of, factor, refused, serving, states, until
from tensorflow_serving.config import model_server_config_pb2

from serving.server.core.config_file import one_model
from serving.server.core.models import ServedModels
from serving.server.core.spec import Caller, ModelSpec
from serving.server.core.status import State
from serving.server.refusal import Refusal


def test_labels(push, tmp_path):
    push(1)
    push(2)
    config = config_of(tmp_path / "m", "all {}", stable=1, canary=3)
    with serving(config) as models:  # a label of a version that is not there yet is no reason not to start
        assert factor(models, label="stable") == 1
        assert refused(models, label="canary") == ("NOT_FOUND", "Servable not found for request: Specific(m, 3)")
        assert refused(models, label="beta") == ("INVALID_ARGUMENT", "Unrecognized servable version label: beta")
        with pytest.raises(Refusal) as caught:
            models.reload(config)
        assert (caught.value.code.name, caught.value.message) == (
            "FAILED_PRECONDITION",
            "Request to assign label to version 3 of model m, which is not currently available for inference",
        )
        push(3)
        until(lambda: factor(models) == 3)
        models.reload(config_of(tmp_path / "m", "all {}", stable=2, canary=3))
        assert (factor(models, label="stable"), factor(models, label="canary")) == (2, 3)
        assert [status.version for status in models.statuses(ModelSpec("m", label="stable"))] == [2]


def test_lenient_labels_may_name_what_is_not_there_unless_they_move(push, tmp_path):
    push(1)
    with serving(config_of(tmp_path / "m", stable=1), allow_version_labels_for_unavailable_models=True) as models:
        models.reload(config_of(tmp_path / "m", stable=1, canary=7))
        assert refused(models, label="canary")[1] == "Servable not found for request: Specific(m, 7)"
        with pytest.raises(Refusal, match="assign label to version 7"):
            models.reload(config_of(tmp_path / "m", stable=7))
        assert factor(models, label="stable") == 1


def two(base: Path, *names: str):
    config = model_server_config_pb2.ModelServerConfig()
    for name in names:
        config.model_config_list.config.add(name=name, base_path=str(base / name), model_platform="tensorflow")
    config.model_config_list.SetInParent()
    return config


def test_models_come_and_go_by_reload(push, tmp_path):
    push(1, model="a")
    push(2, model="b")
    with serving(two(tmp_path, "a")) as models:
        models.reload(two(tmp_path, "a", "b"))
        assert (models.names(), factor(models, "a"), factor(models, "b")) == (["a", "b"], 1, 2)
        models.reload(two(tmp_path, "b"))
        assert refused(models, "a") == ("NOT_FOUND", "Servable not found for request: Latest(a)")
        until(lambda: states(models, "a") == {1: State.END})
        models.reload(two(tmp_path, "a", "b"))
        assert factor(models, "a") == 1
        models.reload(two(tmp_path))
        assert (models.names(), models.is_ready) == ([], True)


def test_reload_says_which_new_model_does_not_answer(push, tmp_path):
    push(1, model="a")
    with serving(two(tmp_path, "a")) as models:
        with pytest.raises(Refusal) as caught:
            models.reload(two(tmp_path, "a", "b"))
        assert caught.value.code.name == "UNKNOWN"
        assert caught.value.message.startswith("1 model(s) did not become available: {{name: b due to error: ")
        push(2, model="b")
        until(lambda: models.is_ready)
        assert (factor(models, "a"), factor(models, "b")) == (1, 2)


def test_a_reload_to_another_folder_serves_its_version_of_the_same_number(push, tmp_path):
    push(1, factor=10, model="a")
    push(1, factor=20, model="b")
    with serving(one_model("m", tmp_path / "a")) as models:
        assert factor(models) == 10
        models.reload(one_model("m", tmp_path / "b"))
        assert (factor(models), states(models)) == (20, {1: State.AVAILABLE})


def test_a_refused_configuration_changes_nothing(push, tmp_path):
    push(1)
    with serving(one_model("m", tmp_path / "m")) as models:
        for bad in (two(tmp_path, "m", "m"), model_server_config_pb2.ModelServerConfig()):
            with pytest.raises(Refusal) as caught:
                models.reload(bad)
            assert caught.value.code.name == "INVALID_ARGUMENT"
        assert factor(models) == 1


def test_a_configuration_whose_caller_is_gone_changes_nothing(push, tmp_path):
    push(1, model="a")
    with serving(two(tmp_path, "a")) as models:
        for caller, code in ((Caller(is_waiting=lambda: False), "CANCELLED"), (Caller(0.0), "DEADLINE_EXCEEDED")):
            with pytest.raises(Refusal) as caught:
                models.reload(two(tmp_path), caller)
            assert (caught.value.code.name, models.names()) == (code, ["a"])


def test_a_model_without_a_folder_keeps_no_other_from_loading_and_unloading(push, tmp_path):
    push(1, model="a")  # TensorFlow Serving looks at no folder at all while one is missing: its issue 2189
    with serving(two(tmp_path, "missing", "a")) as models:
        assert factor(models, "a") == 1
        assert list(models.problems()) == ["missing"]
        push(2, model="a")
        until(lambda: states(models, "a") == {1: State.END, 2: State.AVAILABLE})


def test_the_end_of_the_server_ends_a_reload_that_waits_for_a_copy(push, tmp_path):
    push(1, model="a")
    models = ServedModels(two(tmp_path, "a"), poll_s=0.05, settle_s=0)
    models.start()
    said = []

    def reload():
        try:
            models.reload(two(tmp_path, "a", "b"))
        except Refusal as refusal:
            said.append(refusal.code.name)

    models._settle_s = 600  # "b" is looked at as one that is still being copied
    push(2, model="b")
    waiting = threading.Thread(target=reload, daemon=True)
    waiting.start()
    until(lambda: "b" in models.names())
    models.close()
    waiting.join(20)
    assert not waiting.is_alive()
    assert said == ["UNKNOWN"]


class Moving(dict):
    """Labels that move from version 1 to version 2 after the first look-up."""

    def get(self, name, default=None):
        labels = dict(super().get(name, default))
        self[name] = {"stable": 2}
        return labels


def test_a_label_that_moves_while_it_is_looked_up_is_found(push, tmp_path):
    push(2)
    with serving(one_model("m", tmp_path / "m")) as models:
        models._labels = Moving(m={"stable": 1})
        assert factor(models, label="stable") == 2
