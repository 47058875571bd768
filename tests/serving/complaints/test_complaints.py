"""What tensorflow/serving's users complain of, one test each: here it is otherwise.

The numbers are of tensorflow/serving's own tracker. Two of its complaints have their tests elsewhere: 1853, SIGTERM is
ignored, in tests/tfx_pipeline/commands/test_serve_signals.py; 1488, the status lists each version that was ever
unloaded, in tests/serving/server/core/test_models.py.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from served_models import QUICK, config_of, serving, states, until

from serving.server.core.config_file import one_model
from serving.server.core.servable import Servable
from serving.server.core.status import State
from serving.server.refusal import Refusal


def test_requests_are_answered_while_a_version_loads(push, tmp_path, monkeypatch, serving_of):
    """Issues 1866 and 910: requests wait, or time out, while a version loads."""
    push(1)
    begun, may_end, load = threading.Event(), threading.Event(), Servable.__init__

    def held(self, path, *arguments, **settings):
        if Path(path).name == "2":
            begun.set()
            assert may_end.wait(60)
        load(self, path, *arguments, **settings)

    monkeypatch.setattr(Servable, "__init__", held)
    with serving_of(tmp_path / "m") as server:
        try:
            push(2)
            assert begun.wait(60)
            assert [server.answer(float(x)) for x in range(50)] == [(x, 1) for x in range(50)]
            assert server.states() == {1: "AVAILABLE", 2: "LOADING"}
        finally:
            may_end.set()
        until(lambda: server.answer() == (2, 2))


def answering(models) -> set[int]:
    """Returns the versions that are loaded; {0} while one is between loading and its end."""
    try:
        found = states(models)
    except Refusal:
        return set()
    under_way = {0 for state in found.values() if state not in (State.AVAILABLE, State.END)}
    return under_way | {version for version, state in found.items() if state == State.AVAILABLE}


def test_memory_goes_back_after_an_unload(tmp_path):
    """Issue 1664: what an unloaded version held stays with the process."""
    import numpy as np
    import tensorflow as tf

    megabytes = 48

    class Heavy(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = tf.Variable(np.ones((megabytes << 20) // 4, np.float32))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def scale(self, x):
            return {"y": self.weights[0] * x}

    model = Heavy()
    tf.saved_model.save(model, str(tmp_path / "heavy"), signatures={"scale": model.scale})
    del model

    def resident_mb() -> int:
        return int(re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) >> 10

    def swapped(version: int) -> None:
        shutil.copytree(tmp_path / "heavy", tmp_path / "aside")
        (tmp_path / "aside").rename(tmp_path / "m" / str(version))
        until(lambda: answering(models) == {version})
        shutil.rmtree(tmp_path / "m" / str(version - 1), ignore_errors=True)

    (tmp_path / "m").mkdir()
    with serving(one_model("m", tmp_path / "m"), **QUICK) as models:
        for version in (1, 2):
            swapped(version)
        before = resident_mb()
        for version in range(3, 9):
            swapped(version)
        assert resident_mb() - before < 2 * megabytes, "six versions came and went"


def test_a_half_copied_version_is_never_served(push, scale_model, tmp_path, serving_of):
    """Issue 1086: a version is loaded while its files are still being copied, and fails or answers wrongly."""
    push(1)
    whole, copied = scale_model(2), tmp_path / "m" / "2"
    with serving_of(tmp_path / "m") as server:
        files = sorted(path for path in whole.rglob("*") if path.is_file())
        for path in (*files[1:], files[0]):
            target = copied / path.relative_to(whole)
            target.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            target.write_bytes(content[: len(content) // 2])  # as a copy that is under way
            assert server.answer() == (1, 1)
            target.write_bytes(content)
        until(lambda: server.answer() == (2, 2))
        assert [status.version for status in server.statuses() if status.status.error_code] == []


def test_a_load_that_failed_is_tried_again(push, tmp_path, serving_of):
    """Issue 1738: a version that could not be loaded once is never tried again, until the server is restarted."""
    push(1)
    with serving_of(tmp_path / "m") as server:
        broken = push(2) / "saved_model.pb"
        good = broken.read_bytes()
        broken.write_bytes(b"\x08\x01nonsense")
        until(lambda: server.states().get(2) == "END")
        (status,) = [status for status in server.statuses() if status.version == 2]
        assert "cannot be loaded as a SavedModel" in status.status.error_message
        assert server.answer() == (1, 1)
        broken.write_bytes(good)
        until(lambda: server.answer() == (2, 2))


def test_batching_says_what_it_does(push, tmp_path, serving_of):
    """Issue 1312: nobody can see whether requests share batches, how large these are, and how long they waited."""
    push(1)
    with serving_of(tmp_path / "m") as server:
        with ThreadPoolExecutor(16) as threads:
            assert sorted(threads.map(lambda x: server.answer(float(x)), range(64))) == [(x, 1) for x in range(64)]
        page = server.get("/monitoring/prometheus/metrics")[1]
        of = '{model="m",version="1",signature="scale"'
        counted = {
            name: float(re.search(rf"^align_serving_{name}{re.escape(of)}}} (\S+)$", page, re.MULTILINE)[1])
            for name in ("batch_rows_count", "batch_rows_sum", "batch_requests_sum", "queue_seconds_count")
        }
        assert counted["batch_rows_sum"] >= 64  # and what was run to warm the version
        assert counted["queue_seconds_count"] >= 64
        assert counted["batch_rows_count"] <= counted["batch_requests_sum"]
        assert f"align_serving_queue_length{of}}} 0" in page


def test_a_label_of_a_version_to_come_lets_the_server_start(push, tmp_path, serving_of):
    """Issue 1608: a label of a version that is not loaded yet ends the server at its start."""
    push(1)
    with serving_of(config_of(tmp_path / "m", "all {}", stable=1, canary=2)) as server:
        assert server.answer(label="stable") == (1, 1)
        with pytest.raises(grpc.RpcError):
            server.answer(label="canary")
        push(2)
        until(lambda: server.states().get(2) == "AVAILABLE")
        assert server.answer(label="canary") == (2, 2)
        assert server.answer(label="stable") == (1, 1)


def test_the_models_are_listed(push, tmp_path, serving_of):
    """Issue 795: no request says which models a server has."""
    push(1)
    push(3, model="n")
    config = config_of(tmp_path / "m")
    config.model_config_list.config.add(name="n", base_path=str(tmp_path / "n"), model_platform="tensorflow")
    with serving_of(config) as server:
        status, body = server.get("/v1/models")
        assert status == 200
        listed = {model["name"]: model["model_version_status"] for model in json.loads(body)["models"]}
        assert {name: [(one["version"], one["state"]) for one in found] for name, found in listed.items()} == {
            "m": [("1", "AVAILABLE")],
            "n": [("3", "AVAILABLE")],
        }


def test_readiness_has_one_path_whatever_is_served(push, tmp_path, serving_of):
    """Issue 1754: a probe must know the model's name, and cannot say that all of several models are loaded."""
    push(1)
    config = config_of(tmp_path / "m")
    (tmp_path / "n").mkdir()
    config.model_config_list.config.add(name="n", base_path=str(tmp_path / "n"), model_platform="tensorflow")
    with serving_of(config) as server:
        assert server.get("/healthz")[0] == 200
        assert server.get("/readyz")[0] == 503
        push(1, model="n")
        until(lambda: server.get("/readyz")[0] == 200)


def test_requests_are_measured_by_version_and_signature(push, tmp_path, serving_of):
    """Issues 1970 and 1959: no metric tells a new version from the one before, or one signature from another."""
    push(1)
    with serving_of(tmp_path / "m") as server:
        server.answer()
        push(2)
        until(lambda: server.answer() == (2, 2))
        page = server.get("/monitoring/prometheus/metrics")[1]
        for version in (1, 2):
            of = f'model="m",version="{version}",signature="scale"'
            assert re.search(rf'^align_serving_requests_total{{{of},.*code="OK"}} [1-9]', page, re.MULTILINE), page
            assert f"align_serving_request_seconds_count{{{of}" in page
