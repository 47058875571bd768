"""The sharded Evaluator on a Flink cluster: its numbers are those of one process, also when a TaskManager is killed.

Run by `make test-flink`. That the work was half done when it was disturbed is seen on the disk: some of the shards that
the job is to write are there, not all.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from tfx.types import artifact_utils, channel, standard_artifacts

from benchmarks.evaluation.made_examples import SPLIT, Size, embeddings, save_model, write_examples
from components.evaluator.config import EvaluationConfig
from components.evaluator.metrics.retrieval import retrieval_metrics
from components.evaluator.sharded.component import ShardedEvaluator
from components.evaluator.stored.results import load_metrics, load_slices
from disturbed_run import Running

pytestmark = pytest.mark.flink

SIZE = Size(images=6000, captions_each=3, dimensions=64, files=40)
CONFIG = EvaluationConfig(splits=(SPLIT,), slices=("language", "source", "class"))


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The artifacts to judge: made Examples, and the model that gives their embeddings back."""
    folder = tmp_path_factory.mktemp("judged")
    write_examples(SIZE, folder / "examples")
    save_model(SIZE.dimensions, folder / "model" / "Format-Serving")
    artifacts = {"examples": standard_artifacts.Examples(), "model": standard_artifacts.Model()}
    for key, artifact in artifacts.items():
        artifact.uri = str(folder / key)
    artifacts["examples"].split_names = artifact_utils.encode_split_names([SPLIT])
    return artifacts


@pytest.fixture(scope="module")
def judge(given):
    """Returns a function: (folder, Beam's arguments) -> the evaluation's folder."""

    def run(root: Path, beam_arguments=()) -> str:
        channels = {key: channel.Channel(type=type(artifact)) for key, artifact in given.items()}
        component = ShardedEvaluator(CONFIG, **channels, baseline="")
        made = {"evaluation": standard_artifacts.ModelEvaluation(), "blessing": standard_artifacts.ModelBlessing()}
        for key, artifact in made.items():
            artifact.uri = str(root / key)
            (root / key).mkdir(parents=True)
        executor = component.executor_spec.executor_class
        inputs, outputs = ({key: [artifact] for key, artifact in of.items()} for of in (given, made))
        executor(executor.Context(beam_pipeline_args=list(beam_arguments))).Do(
            inputs, outputs, dict(component.exec_properties)
        )
        return made["evaluation"].uri

    return run


def shards(root: Path) -> int:
    """Returns how many shards are written, in place."""
    return len(list(root.rglob("shard-*.known.json")))


def test_the_numbers_are_the_same_when_a_taskmanager_is_killed(cluster, bring_up, judge, tmp_path):
    run = Running(lambda: {"evaluation": judge(tmp_path / "flink", cluster.beam_arguments)})
    try:
        run.wait_until(lambda: 0 < shards(tmp_path) < SIZE.files and len(cluster.running_jobs()) == 1)
        (job,) = cluster.running_jobs()
        os.kill(cluster.process("taskmanager-1"), signal.SIGKILL)
        run.join()
    finally:
        bring_up()
    assert run.error is None, run.error
    assert cluster.ask(f"jobs/{job}/exceptions")["exceptionHistory"]["entries"], "the job did not notice"
    found = load_metrics(run.made["evaluation"])
    here = judge(tmp_path / "here")
    np.testing.assert_equal(found, load_metrics(here))
    np.testing.assert_equal(load_slices(run.made["evaluation"]), load_slices(here))
    images, captions = embeddings(SIZE)
    core = retrieval_metrics(images, captions, np.full(SIZE.images, SIZE.captions_each))
    np.testing.assert_equal({name: found[SPLIT][name] for name in core}, core)
    assert 0.1 < core["t2i_recall_at_1"] < 0.9
