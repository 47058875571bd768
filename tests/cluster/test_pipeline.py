"""The compiled demo, cut short and executed container by container: what it makes, what it refuses, what a kill leaves.

Run by `make test-cluster`. kfp's own local runner hands each task to the engine as a Kubeflow cluster's launcher would:
the executor input alone, artifacts by address. The tests tell one story in order and share one root.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from comparable import comparable, files_of, sha256
from components.evaluator.stored.results import load_validation
from serving.client import AlignClient

pytestmark = pytest.mark.cluster

TASKS = [
    "PairFiles",
    "PairExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "PairFilter",
    "Vocabulary",
    "Trainer",
    "BaselineModel",
    "Evaluator",
    "ServingValidator",
    "Pusher",
]
STEPS = "training:\n  steps: {steps}\n  warmup_steps: 2\n  batch: 64\n  log_every_steps: 20\n"
TRAINED = STEPS.format(steps=200) + "evaluation:\n  min_metrics: {}\n"  # "seen" reaches 0.06; chance is 0.02
REGRESSED = (
    STEPS.format(steps=3)
    + "evaluation:\n  min_metrics: {seen/t2i_recall_at_10: 0, unseen/t2i_recall_at_10: 0.5}\n"
    + "  max_drop_from_baseline: 0.01\n"
)


@pytest.fixture(scope="module")
def first(cluster):
    """The run of the story's first test."""
    started = cluster.start("first", TRAINED)
    assert started.wait() == 0, started.log()[-8000:]
    return started


def test_1_each_task_is_a_container_and_the_last_one_pushes(cluster, first):
    containers = first.containers()
    assert sorted(containers) == sorted(TASKS)
    assert {cluster.engine.inspect(container)["State"]["ExitCode"] for container in containers.values()} == {0}
    (version,) = cluster.pushed()
    assert (version / "saved_model.pb").is_file()
    assert first.outputs().keys() == set(TASKS)


def test_2_a_local_run_in_the_same_image_makes_the_same_artifacts(cluster, first):
    config = cluster.config("local", TRAINED, cluster.folder / "local")
    done = subprocess.run(
        cluster.engine.in_image(cluster.folder, "align", "run", "--config", str(config)),
        env=cluster.engine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    runs = cluster.folder / "local" / "align-demo" / "artifacts"
    local = files_of({"/".join(path.parts[-3:-1]): path for path in runs.glob("[!.]*/*/*")})
    made = files_of(
        {f"{task}/{output.name}": output for task, folder in first.outputs().items() for output in folder.iterdir()}
    )
    made = {name: path for name, path in made.items() if not name.endswith("/executor_output.json")}
    assert made.keys() == local.keys()
    assert [name for name in made if comparable(name, made[name]) != comparable(name, local[name])] == []
    assert len({name for name in made if re.match("Trainer/model/.*/variables/", name)}) == 2


def test_3_the_same_image_serves_the_pushed_model(cluster, first):
    config = cluster.config("served", TRAINED, cluster.root.parent)
    with served(cluster, config) as address, AlignClient(address) as client:
        vectors = client.encode_text(["sad cat", "red boat"])
    assert vectors.shape == (2, 128)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_4_a_regressed_model_is_compared_with_the_pushed_one_and_not_pushed(cluster, first):
    pushed = cluster.pushed()
    second = cluster.start("second", REGRESSED)
    assert second.wait() == 0, second.log()[-8000:]
    assert str(pushed[-1]) in (second.outputs()["BaselineModel"] / "executor_output.json").read_text()
    assert not (second.outputs()["Evaluator"] / "blessing" / "BLESSED").exists()
    assert (second.outputs()["Evaluator"] / "blessing" / "NOT_BLESSED").exists()
    why = "\n".join(load_validation(str(second.outputs()["Evaluator"] / "evaluation")))
    assert re.search(
        r"^seen/t2i_recall_at_10 is 0\.0\d+, which is 0\.0\d+ below the last blessed model's 0\.0\d+; "
        r"evaluation\.max_drop_from_baseline allows 0\.0100\.$",
        why,
        re.MULTILINE,
    )
    assert re.search(r"^unseen/t2i_recall_at_10 is .*, below evaluation\.min_metrics = 0\.5000\.$", why, re.MULTILINE)
    assert cluster.pushed() == pushed


@pytest.mark.parametrize("task", ["Trainer", "Pusher"])
def test_5_a_container_that_is_killed_ends_the_run_and_pushes_nothing(cluster, first, task):
    pushed = {path: sha256(path) for path in below(cluster.pushed())}
    killed = cluster.start(f"killed-{task}", TRAINED)
    while not (container := killed.running(task)):
        time.sleep(0.2)
    cluster.engine("kill", "--signal", "KILL", container)
    assert killed.wait() != 0
    assert list(killed.containers())[-1] == task
    assert {path: sha256(path) for path in below(cluster.pushed())} == pushed


def below(folders: list[Path]) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


@contextlib.contextmanager
def served(cluster, config: Path):
    """Yields HOST:PORT of `align serve` in a container."""
    process = subprocess.Popen(
        cluster.engine.in_image(cluster.folder, "align", "serve", "--config", str(config), "--port", "0"),
        env=cluster.engine.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        printed = []
        for line in process.stdout:
            printed.append(line)
            if found := re.search(r"127\.0\.0\.1:\d+", line):
                break
        else:
            raise AssertionError("".join(printed))
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=60)
