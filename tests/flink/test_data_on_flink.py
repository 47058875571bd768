"""PairExampleGen and PairFilter on a Flink cluster: what they write is what one process writes, whoever dies.

Run by `make test-flink`. That the work was half done when it was disturbed is seen on the disk: some of the files that
the job is to write are there, not all.
"""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path

import pytest

from components.pair_example_gen.component import PairExampleGen
from components.pair_example_gen.config import IngestConfig
from components.pair_filter.component import PairFilter
from components.pair_filter.config import FilterConfig
from disturbed_run import Running

pytestmark = pytest.mark.flink

PAIRS, FILES = 5000, 20
RULES = FilterConfig(keep_rejects=True, frequent_ngrams=335)  # of some 350: n-grams are counted, and some are rare


@pytest.fixture(scope="module")
def ingest(shards):
    config = IngestConfig(shards=str(shards), hash_split={"train": 4, "validation": 1})
    return {"ingest": dataclasses.asdict(config)}


@pytest.fixture(scope="module")
def pairs(run_executor, ingest):
    """What PairExampleGen makes of the shards on the DirectRunner."""
    return run_executor(PairExampleGen, {}, ingest)


@pytest.fixture(scope="module")
def to_filter(pairs):
    return {"unfiltered_examples": pairs["examples"]}, {"filter": dataclasses.asdict(RULES)}


@pytest.fixture(scope="module")
def kept(run_executor, to_filter):
    """What PairFilter keeps of them on the DirectRunner."""
    return run_executor(PairFilter, *to_filter)


def written(root: Path) -> list[str]:
    """Returns the record files of a run, in place or not yet."""
    return [path.name for path in root.rglob("data_tfrecord-*")]


def half_done(cluster, root: Path) -> bool:
    return 0 < len(written(root)) < FILES and len(cluster.running_jobs()) == 1


def test_ingest_writes_on_flink_what_it_writes_here(cluster, run_executor, content, ingest, pairs):
    made = content(run_executor(PairExampleGen, {}, ingest, cluster.beam_arguments))
    assert made == content(pairs)
    assert made["report", "properties"]["images_read"] == PAIRS
    assert 0 < made["report", "properties"]["images_kept"] < PAIRS


def test_the_filter_keeps_the_same_when_a_taskmanager_is_killed(
    cluster, bring_up, run_executor, content, to_filter, kept, tmp_path
):
    run = Running(lambda: run_executor(PairFilter, *to_filter, cluster.beam_arguments, tmp_path))
    try:
        run.wait_until(lambda: half_done(cluster, tmp_path))
        (job,) = cluster.running_jobs()
        os.kill(cluster.process("taskmanager-1"), signal.SIGKILL)
        run.join()
    finally:
        bring_up()
    assert run.error is None, run.error
    assert cluster.ask(f"jobs/{job}/exceptions")["exceptionHistory"]["entries"], "the job did not notice"
    made = content(run.made)
    assert made == content(kept)
    assert 0 < made["report", "properties"]["images_kept"] < made["report", "properties"]["images_read"]


@pytest.mark.parametrize("component", [PairExampleGen, PairFilter])
def test_a_job_cancelled_half_way_leaves_nothing_that_looks_complete(
    cluster, run_executor, ingest, to_filter, tmp_path, component
):
    inputs, properties = to_filter if component is PairFilter else ({}, ingest)
    run = Running(lambda: run_executor(component, inputs, properties, cluster.beam_arguments, tmp_path))
    run.wait_until(lambda: half_done(cluster, tmp_path))
    (job,) = cluster.running_jobs()
    cluster.ask(f"jobs/{job}", method="PATCH")
    run.join()
    assert isinstance(run.error, RuntimeError), "a cancelled job is a failed component"
    assert len(written(tmp_path)) > 0, "it was cancelled before it wrote anything"
    in_sight = [path for path in tmp_path.rglob("*") if path.is_file() and ".aside" not in path.parts]
    assert in_sight == []
