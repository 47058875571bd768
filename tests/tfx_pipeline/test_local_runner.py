"""The pipeline's process by itself, on what the command before it would have refused."""

from __future__ import annotations

import argparse
import dataclasses

import pytest
import yaml

from tfx_pipeline import pipeline_process
from tfx_pipeline.local_runner import explain
from tfx_pipeline.runs.run_record import REPORT_FILE, read_record
from tfx_pipeline.settings.beam_config import BeamConfig
from tfx_pipeline.settings.config import load


def test_an_exit_inside_a_component_is_that_components_failure(tmp_path):
    run_dir = tmp_path / "align-demo" / "runs" / "r1"
    run_dir.mkdir(parents=True)
    refused = BeamConfig(options={"direct_num_workers": "many"})  # Beam's parser exits on it
    config = dataclasses.replace(load("demo"), output=str(tmp_path), beam=refused)
    (run_dir / "config.yaml").write_text(yaml.safe_dump(config.to_mapping()), encoding="utf-8")
    with pipeline_process.start([]) as child:
        pipeline_process.hand_over(child, run_dir)
        child.wait(timeout=300)
    record = read_record(run_dir)
    assert record.failed is not None, (run_dir / "log.txt").read_text()[-2000:]
    assert record.failed.id == "PairExampleGen"
    assert "exit with status 2" in record.why_failed
    assert "invalid int value: 'many'" in record.why_failed
    assert (run_dir / REPORT_FILE).is_file()


def test_an_exit_is_explained_by_what_came_before_it():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int)
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(["--workers=many"])
    assert explain(caught.value) == (
        "it called for an exit with status 2 (argument --workers: invalid int value: 'many'); the log says why"
    )
    assert explain(SystemExit(3)) == "it called for an exit with status 3; the log says why"


def test_an_exception_is_explained_by_the_first_line_of_its_root_cause():
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = ValueError("the pile is empty\nsecond line")
    assert explain(wrapped) == "the pile is empty"
    assert explain(KeyError()) == "KeyError"
