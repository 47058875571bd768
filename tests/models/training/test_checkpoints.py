"""Checkpoints: state comes back bit for bit, a damaged one gives way to the one before, a full disk harms none."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

from models.saving.model_folder import WEIGHTS_FILE
from models.training.checkpoints import Checkpoints, identity
from models.training.loop import EndRequest, Preempted
from short_tower import shorten
from small_training import CUSTOM_CONFIG, checkpoints_of, fn_args, inputs_in, train_weights, write_inputs


@contextmanager
def full_disk() -> Iterator[None]:
    """Let this process write no file of more than 200 kB for a block: as a disk with no more room than that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))  # Python ignores the signal that comes then
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module", autouse=True)
def short_tower():
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch.setattr)
        yield


def checkpoints(folder, variables, name="a", files=None, **settings):
    settings = {"every_steps": None, "every_minutes": None, **settings}
    return Checkpoints(str(folder), name, variables, files or {}, **settings)


def variables(value):
    return [
        keras.Variable(np.full(3, value, "float32"), name="one"),
        keras.Variable(int(value), name="two", dtype="int32"),
    ]


def test_state_and_files_come_back(tmp_path):
    history = tmp_path / "history"
    history.write_text("first")
    assert checkpoints(tmp_path / "c", variables(7), files={"history": str(history)}).save(5)
    history.unlink()
    found = variables(0)
    assert checkpoints(tmp_path / "c", found, files={"history": str(history)}).restore() == 5
    assert [np.asarray(v).tolist() for v in found] == [[7, 7, 7], 7]
    assert history.read_text() == "first"


def test_without_a_checkpoint_nothing_changes(tmp_path):
    found = variables(3)
    assert checkpoints(tmp_path / "c", found).restore() == 0
    assert np.asarray(found[1]) == 3


def test_the_two_newest_are_kept(tmp_path):
    writer = checkpoints(tmp_path / "c", variables(1))
    for step in (1, 2, 30):
        writer.save(step)
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["step-00000002", "step-00000030"]


@pytest.mark.parametrize("damage", ["data", "about", "gone"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, damage):
    checkpoints(tmp_path / "c", variables(1)).save(1)
    checkpoints(tmp_path / "c", variables(2)).save(2)
    newest = tmp_path / "c" / "step-00000002"
    if damage == "data":
        path = newest / "state.data-00000-of-00001"
        path.write_bytes(bytes(len(path.read_bytes())))
    elif damage == "about":
        (newest / "about.json").write_text('{"step": 2')
    else:
        (newest / "state.index").unlink()
    found = variables(0)
    assert checkpoints(tmp_path / "c", found).restore() == 1
    assert np.asarray(found[1]) == 1


def test_where_none_can_be_read_that_is_said(tmp_path):
    checkpoints(tmp_path / "c", variables(1)).save(1)
    (tmp_path / "c" / "step-00000001" / "about.json").write_text("")
    with pytest.raises(
        ValueError, match=r"no checkpoint in .* can be read .*; remove that folder to train from step 0"
    ):
        checkpoints(tmp_path / "c", variables(0)).restore()


def test_a_foreign_checkpoint_is_refused(tmp_path):
    checkpoints(tmp_path / "c", variables(1), name="a").save(1)
    with pytest.raises(ValueError, match=r"is a checkpoint of another training \(a, this is b\)"):
        checkpoints(tmp_path / "c", variables(0), name="b").restore()


def test_half_a_checkpoint_is_never_seen(tmp_path):
    checkpoints(tmp_path / "c", variables(1)).save(1)
    (tmp_path / "c" / "step-00000009.partial").mkdir()
    assert checkpoints(tmp_path / "c", variables(0)).restore() == 1


def test_a_full_disk_leaves_the_last_good_one(tmp_path):
    large = [keras.Variable(np.ones(1_000_000, "float32"), name="large")]
    assert checkpoints(tmp_path / "c", large).save(1)
    with full_disk():
        assert not checkpoints(tmp_path / "c", large).save(2)
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["step-00000001"]
    large[0].assign(np.zeros(1_000_000))
    assert checkpoints(tmp_path / "c", large).restore() == 1
    assert np.asarray(large[0]).sum() == 1_000_000


def test_due_by_steps_or_by_time(tmp_path):
    by_steps = checkpoints(tmp_path / "c", variables(1), every_steps=10)
    assert [by_steps.is_due(step) for step in (9, 10)] == [False, True]
    by_steps.save(10)
    assert [by_steps.is_due(step) for step in (19, 20)] == [False, True]
    assert checkpoints(tmp_path / "c", variables(1), every_minutes=1e-9).is_due(1)
    assert not checkpoints(tmp_path / "c", variables(1)).is_due(10**9)


def test_another_worker_goes_back_to_the_step_of_the_chief_and_writes_nothing(tmp_path):
    for step in (1, 2):
        checkpoints(tmp_path / "c", variables(step)).save(step)
    found = variables(0)
    other = checkpoints(tmp_path / "c", found, writes=False)
    other.restore_step(1)  # the chief could not read the newest
    assert np.asarray(found[1]) == 1
    assert other.save(3)
    other.clear()
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["step-00000001", "step-00000002"]
    other.restore_step(0)
    assert np.asarray(found[1]) == 1


def test_a_worker_that_does_not_share_the_checkpoints_says_so(tmp_path):
    checkpoints(tmp_path / "c", variables(1)).save(1)
    elsewhere = checkpoints(tmp_path / "d", variables(0), writes=False)
    with pytest.raises(ValueError, match=r"step-00000001, which this worker cannot read .*; put checkpoints where all"):
        elsewhere.restore_step(1)


def test_identity_follows_from_settings_and_files(tmp_path):
    file = tmp_path / "data"
    file.write_text("one")
    first = identity({"a": 1, "b": 2}, [str(file)])
    assert first == identity({"b": 2, "a": 1}, [str(file)])
    assert first != identity({"a": 1, "b": 3}, [str(file)])
    file.write_text("three")
    assert first != identity({"a": 1, "b": 2}, [str(file)])


def test_sigterm_is_noted_while_training_and_heard_after():
    with EndRequest() as request:
        assert not request.came
        os.kill(os.getpid(), signal.SIGTERM)
        assert request.came
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_killed_and_told_to_end_training_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    """Killed after step 2, told to end at step 3, run again: the weights of an undisturbed run, bit for bit."""
    write_inputs(tmp_path / "inputs")
    arguments = {"dropout": 0.3, "steps": 6, "checkpoint_every_steps": 1}
    model = {**CUSTOM_CONFIG["model"], "dropout": arguments["dropout"]}
    training = {**CUSTOM_CONFIG["training"], "steps": 6, "checkpoint_every_steps": 1}
    of_worker = {"fn_args": fn_args(tmp_path / "inputs", tmp_path / "run", model, training), "signal": ["SIGKILL", 3]}
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", Path(__file__).with_name("worker.py"), json.dumps(of_worker)],
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    (left,) = checkpoints_of(tmp_path / "run").iterdir()
    assert sorted(path.name for path in left.iterdir()) == ["step-00000001", "step-00000002"]
    inputs = inputs_in(tmp_path / "inputs")
    save = Checkpoints.save

    def save_and_be_told_to_end(self, step):
        if step == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return save(self, step)

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "save", save_and_be_told_to_end)
        with pytest.raises(Preempted, match=r"told to end \(SIGTERM\) at step 3 of 6; run again to go on from there"):
            train_weights(inputs, tmp_path / "run", **arguments)
    assert list(checkpoints_of(tmp_path / "run").iterdir()) == [left]
    assert sorted(path.name for path in left.iterdir()) == ["step-00000002", "step-00000003"]
    resumed = train_weights(inputs, tmp_path / "run", **arguments)
    undisturbed = train_weights(inputs, tmp_path / "undisturbed", **arguments)
    stored = [load_file(outputs["model_run"] / "model" / WEIGHTS_FILE) for outputs in (resumed, undisturbed)]
    assert stored[0].keys() == stored[1].keys()
    for name, values in stored[0].items():
        np.testing.assert_array_equal(values, stored[1][name], err_msg=name)
    lines = [(outputs["model_run"] / "history.jsonl").read_text().splitlines() for outputs in (resumed, undisturbed)]
    assert len(lines[0]) == len(lines[1])
    assert list(checkpoints_of(tmp_path / "run").iterdir()) == []  # a finished training needs none
