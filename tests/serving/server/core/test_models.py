"""ServedModels over folders that change under it: what answers, when, and what is said of it."""

from __future__ import annotations

import logging
import shutil
import threading
import time

import grpc
import numpy as np
import pytest
from served_models import QUICK, config_of, factor, refused, serving, states, until

from serving.server.core import folders
from serving.server.core.config_file import one_model
from serving.server.core.models import ServedModels
from serving.server.core.spec import ModelSpec
from serving.server.core.status import State
from serving.server.refusal import Refusal


def test_the_newest_version_is_taken_up_and_the_old_one_ends(push, tmp_path):
    push(1)
    with serving(one_model("m", tmp_path / "m")) as models:
        assert (factor(models), states(models)) == (1, {1: State.AVAILABLE})
        push(2)
        until(lambda: states(models) == {1: State.END, 2: State.AVAILABLE})
        assert factor(models) == 2
        assert refused(models, version=1) == ("NOT_FOUND", "Servable not found for request: Specific(m, 1)")


def test_a_version_is_answered_at_every_moment_of_a_change(push, tmp_path):
    push(1)
    with serving(one_model("m", tmp_path / "m")) as models:
        push(2)
        seen = [factor(models)]
        until(lambda: seen.append(factor(models)) or states(models).get(1) == State.END)
        assert seen == sorted(seen)
        assert set(seen) == {1, 2}


def test_a_version_in_use_is_unloaded_after_its_last_request(push, tmp_path):
    push(1)
    with serving(one_model("m", tmp_path / "m")) as models:
        with models.use(ModelSpec("m")) as old:
            push(2)
            until(lambda: states(models).get(2) == State.AVAILABLE)
            until(lambda: states(models)[1] == State.UNLOADING)
            assert old.run("scale", {"x": np.array([3.0], np.float32)})["y"].tolist() == [3.0]
            assert factor(models) == 2
        until(lambda: states(models)[1] == State.END)


@pytest.mark.parametrize(
    ("policy", "answering"),
    [
        ("", [3]),
        ("latest {}", [3]),
        ("latest { num_versions: 2 }", [2, 3]),
        ("all {}", [1, 2, 3]),
        ("specific { versions: 1 versions: 3 versions: 9 }", [1, 3]),
    ],
)
def test_a_policy_picks_versions(push, tmp_path, policy, answering):
    for version in (1, 2, 3):
        push(version)
    with serving(config_of(tmp_path / "m", policy), settle_s=0) as models:
        assert states(models) == dict.fromkeys(answering, State.AVAILABLE)
        assert [factor(models, version=version) for version in answering] == answering
        assert factor(models) == answering[-1]


def test_a_half_copied_version_is_never_served(push, scale_model, tmp_path):
    push(1)
    with serving(one_model("m", tmp_path / "m"), settle_s=0.4) as models:
        source, target = scale_model(2), tmp_path / "m" / "2"
        (target / "variables").mkdir(parents=True)
        for file in ("saved_model.pb", "variables/variables.index"):
            shutil.copyfile(source / file, target / file)
            time.sleep(0.2)
            assert 2 not in states(models)
        data = "variables/variables.data-00000-of-00001"
        whole = (source / data).read_bytes()
        with (target / data).open("wb") as file:
            for part in (whole[:2], whole[2:3], whole[3:]):  # all files are there; it is whole by names long before
                file.write(part)
                file.flush()
                time.sleep(0.2)
                assert 2 not in states(models)
        until(lambda: states(models).get(2) == State.AVAILABLE)
        assert factor(models) == 2


def test_a_version_that_does_not_load_is_tried_again_and_the_old_one_goes_on(push, tmp_path, caplog):
    push(1)
    with serving(one_model("m", tmp_path / "m")) as models, caplog.at_level(logging.WARNING):
        broken = push(2)
        good = (broken / "saved_model.pb").read_bytes()
        (broken / "saved_model.pb").write_bytes(b"\x08\x01nonsense")
        until(lambda: states(models).get(2) == State.END)
        (status,) = models.statuses(ModelSpec("m", version=2))
        assert status.code != grpc.StatusCode.OK
        assert "2 cannot be loaded as a SavedModel" in status.message
        assert "version 1 goes on" in caplog.text
        assert (factor(models), models.is_ready, models.problems()) == (1, True, {})
        (broken / "saved_model.pb").write_bytes(good)
        until(lambda: states(models) == {1: State.END, 2: State.AVAILABLE})


def test_without_one_that_loads_an_older_version_is_served(push, tmp_path):
    push(1)
    (push(2) / "saved_model.pb").write_bytes(b"nonsense")
    with serving(one_model("m", tmp_path / "m")) as models:
        assert factor(models) == 1
    with serving(config_of(tmp_path / "m", "specific { versions: 2 }")) as models:
        assert refused(models)[0] == "NOT_FOUND"
        assert "version 2 of model m does not load" in models.problems()["m"]


def test_a_version_that_is_deleted_while_one_looks_ends_nothing(push, tmp_path, monkeypatch):
    push(1)
    with serving(one_model("m", tmp_path / "m")) as models:
        gone = {1: tmp_path / "m" / "1", 7: tmp_path / "m" / "7"}  # listed, and then no longer there
        monkeypatch.setattr(folders, "complete_versions", lambda base: gone)
        time.sleep(0.3)
        monkeypatch.undo()
        push(2)
        until(lambda: states(models) == {1: State.END, 2: State.AVAILABLE})


def test_a_folder_whose_number_no_message_holds_is_no_version(push, tmp_path):
    push(1)
    push(20261130130700123456, factor=2)  # as a time in microseconds would be
    push(2**63 - 1, factor=3)
    with serving(config_of(tmp_path / "m", "all {}")) as models:
        assert list(states(models)) == [1, 2**63 - 1]
        assert factor(models) == 3


def test_deleting_the_newest_version_rolls_back(push, tmp_path):
    push(1)
    newest = push(2)
    with serving(one_model("m", tmp_path / "m")) as models:
        assert factor(models) == 2
        shutil.rmtree(newest)
        until(lambda: states(models) == {1: State.AVAILABLE, 2: State.END})
        assert factor(models) == 1


@pytest.mark.parametrize("gone", ["m", "m/1"])
def test_a_deleted_folder_leaves_its_version_answering(push, tmp_path, caplog, gone):
    push(1)
    with serving(one_model("m", tmp_path / "m")) as models, caplog.at_level(logging.WARNING):
        shutil.rmtree(tmp_path / gone)
        until(lambda: caplog.records)
        time.sleep(0.2)
        assert factor(models) == 1
        assert all(str(tmp_path / "m") in record.message for record in caplog.records)
        assert len({record.message for record in caplog.records}) == len(caplog.records), "each is said once"
        push(1, factor=5)
        until(lambda: factor(models) == 5)


def test_without_a_version_it_waits_for_one(push, tmp_path):
    with serving(one_model("m", tmp_path / "m")) as models:
        assert not models.is_ready
        assert "is not there" in models.problems()["m"]
        assert refused(models) == ("NOT_FOUND", "Servable not found for request: Latest(m)")
        push(4)
        until(lambda: models.is_ready)
        assert (factor(models), models.problems()) == (4, {})


def test_polling_once_takes_up_no_newer_version(push, tmp_path):
    push(1)
    with serving(one_model("m", tmp_path / "m"), poll_s=0) as models:
        push(2)
        time.sleep(0.3)
        assert (factor(models), states(models)) == (1, {1: State.AVAILABLE})


def test_ended_versions_are_forgotten_in_the_end(push, tmp_path):
    push(1)
    with serving(one_model("m", tmp_path / "m")) as models:
        for version in range(2, 12):
            push(version, factor=1)
            until(lambda version=version: states(models).get(version) == State.AVAILABLE)
            until(lambda version=version: states(models).get(version - 1) == State.END)
        assert states(models) == {**dict.fromkeys(range(3, 11), State.END), 11: State.AVAILABLE}


def test_status_of_what_never_was(push, tmp_path):
    push(1)
    with serving(one_model("m", tmp_path / "m")) as models:
        for spec, said in (
            (ModelSpec("m", version=9), "Could not find version 9 of model m"),
            (ModelSpec("n"), "Could not find any versions of model n"),
        ):
            with pytest.raises(Refusal, match=said):
                models.statuses(spec)


def test_close_lets_requests_end(push, tmp_path):
    push(1)
    models = ServedModels(one_model("m", tmp_path / "m"), **QUICK)
    models.start()
    with models.use(ModelSpec("m")) as version:
        closing = threading.Thread(target=models.close)
        closing.start()
        until(lambda: states(models)[1] == State.UNLOADING)
        assert version.run("scale", {"x": np.array([2.0], np.float32)})["y"].tolist() == [2.0]
    closing.join()
    assert states(models) == {1: State.END}
    with pytest.raises(RuntimeError, match="after its end"):
        version.signature("scale")


def test_close_waits_no_longer_than_its_grace(push, tmp_path):
    push(1)
    models = ServedModels(one_model("m", tmp_path / "m"), **QUICK)
    models.start()
    with models.use(ModelSpec("m")) as version:
        models.close(grace_s=0.05)
        with pytest.raises(Refusal, match="shutting down"):
            version.run("scale", {"x": np.array([2.0], np.float32)})


def test_a_version_that_is_overwritten_in_place_is_loaded_anew(push, scale_model, tmp_path):
    folder = push(1)  # TensorFlow Serving goes on with what it has: its issue 1822
    with serving(one_model("m", tmp_path / "m")) as models:
        shutil.copytree(scale_model(7), folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
        seen = [factor(models)]
        until(lambda: seen.append(factor(models)) or seen[-1] == 7)
        assert set(seen) <= {1, 7}


def test_a_negative_poll_interval_is_refused(tmp_path):
    with pytest.raises(ValueError, match="poll_s is -1"):  # TensorFlow Serving hangs at its start: its issue 1295
        ServedModels(one_model("m", tmp_path / "m"), poll_s=-1)
