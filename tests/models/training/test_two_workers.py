"""Two real worker processes on loopback train as one process does, and go on after one of them was killed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from models.saving.model_folder import WEIGHTS_FILE
from short_tower import shorten
from small_training import CUSTOM_CONFIG, checkpoints_of, fn_args, inputs_in, train_weights, write_inputs

STEPS = 6
PATIENCE_S = 300
# Statistics over both workers and no dropout: what is left to differ is the order in which numbers are added.
TRAINING = {
    "steps": STEPS, "synchronized_batch_norm": True, "log_every_steps": 1, "checkpoint_every_steps": 1,
    "checkpoint_every_minutes": None,
}  # fmt: skip
# Their gradients are zero but for rounding: a batch norm takes the shift away again, as a softmax over keys does the
# keys' bias; LAMB makes steps of full length of that rounding.
FREE = re.compile(r"project_bn/beta|key/bias")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("inputs")
    write_inputs(root)
    return root


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(inputs: Path, run: Path, sent, tf_config, **training) -> subprocess.Popen:
    """Start a worker; `sent` is a signal's name and the step at which it gets that."""
    settings = {**CUSTOM_CONFIG["training"], **TRAINING, **training, "strategy": "multi_worker"}
    arguments = {"fn_args": fn_args(inputs, run, CUSTOM_CONFIG["model"], settings), "signal": sent}
    environment = {**os.environ, "TF_CONFIG": json.dumps(tf_config)}
    script = str(Path(__file__).with_name("worker.py"))
    command = [sys.executable, "-W", "ignore", script, json.dumps(arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def start_two(inputs: Path, run: Path, sent=None, last_steps: tuple[int, int] = (STEPS, STEPS)) -> list:
    """Start two workers, the second of which is sent a signal."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    return [
        start(
            inputs, run, sent if index == 1 else None,
            {"cluster": cluster, "task": {"type": "worker", "index": index}}, steps=last_steps[index],
        )
        for index in range(2)
    ]  # fmt: skip


def finish(*processes: subprocess.Popen) -> list[tuple[int, str]]:
    """Wait for all; returns their exit codes and what each said on stderr, and leaves none behind."""
    try:
        said = [process.communicate(timeout=PATIENCE_S)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, words) for process, words in zip(processes, said, strict=True)]


def weights(run: Path) -> dict[str, np.ndarray]:
    return load_file(run / "model_run" / "model" / WEIGHTS_FILE)


def losses(run: Path) -> list[float]:
    lines = (run / "model_run" / "history.jsonl").read_text().splitlines()
    return [json.loads(line)["loss"] for line in lines]


@pytest.fixture(scope="module")
def two(inputs, tmp_path_factory):
    run = tmp_path_factory.mktemp("two")
    ended = finish(*start_two(inputs, run))
    assert [code for code, _ in ended] == [0, 0], [words[-2000:] for _, words in ended]
    return run


def test_two_workers_train_as_one_process_does(inputs, two, tmp_path, monkeypatch):
    shorten(monkeypatch.setattr)  # as worker.py does
    train_weights(inputs_in(inputs), tmp_path, **TRAINING, strategy="one_device")
    assert losses(two) == pytest.approx(losses(tmp_path), rel=1e-6)  # 1e-7 was seen
    found, expected = weights(two), weights(tmp_path)
    assert found.keys() == expected.keys()
    for name in expected.keys() - {name for name in expected if FREE.search(name)}:
        error = np.linalg.norm(found[name] - expected[name]) / np.linalg.norm(expected[name])
        # Betas and biases began at 0, so that all there is of them came out of six steps. 3e-5 and 2e-7 were seen.
        assert error < (2e-4 if name.endswith(("beta", "bias")) else 2e-6), name
    assert (two / "served" / "saved_model.pb").exists()
    assert list(checkpoints_of(two).iterdir()) == []


@pytest.mark.workers  # seven processes that each take half a minute to start
def test_killed_and_told_to_end_two_workers_go_on_to_the_same_weights(inputs, two, tmp_path):
    """One worker is killed at step 2, one is told to end at step 4: an undisturbed pair's weights, bit for bit."""
    chief, killed = finish(*start_two(inputs, tmp_path, ["SIGKILL", 2]))
    assert killed[0] == -signal.SIGKILL, killed[1][-2000:]
    assert chief[0] == 1
    assert re.search(r"WorkerLost: worker 0 of 2 lost another one \(.+\); see what that one said last", chief[1])

    for code, words in finish(*start_two(inputs, tmp_path, ["SIGTERM", 4])):
        assert code == 1
        # The one that was not told, too, and at the same step.
        assert "Preempted: told to end (SIGTERM) at step 4 of 6; run again to go on from there" in words, words[-2000:]

    ended = finish(*start_two(inputs, tmp_path))
    assert [code for code, _ in ended] == [0, 0], [words[-2000:] for _, words in ended]
    found, expected = weights(tmp_path), weights(two)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert losses(tmp_path) == losses(two)


def test_workers_of_other_settings_are_refused(inputs, tmp_path):
    for code, words in finish(*start_two(inputs, tmp_path, last_steps=(STEPS, STEPS + 1))):
        assert code == 1
        assert "ValueError: worker 1 of 2 has other settings or other training files than worker 0" in words
