"""The pipeline's process by itself, on what the command before it would have refused."""

from __future__ import annotations

import dataclasses
import json

import pytest
import yaml
from absl import logging
from quick_pipeline import quick_pipeline

from components.component_ids import PAIR_FILES
from tfx_pipeline import local_runner, pipeline_process
from tfx_pipeline.runs.event_log import EVENTS_FILE
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
    assert record.failed.id == PAIR_FILES
    assert "exit with status 2" in record.why_failed
    assert "invalid int value: 'many'" in record.why_failed
    assert (run_dir / REPORT_FILE).is_file()


def test_a_component_that_tfx_could_not_start_fails_the_run(tmp_path, monkeypatch):
    def misnamed(*args, **kwargs):
        pipeline = quick_pipeline(*args, **kwargs)
        (files,) = (component for component in pipeline.components if component.id == PAIR_FILES)
        files.with_id("Renamed")  # who reads its answer knows it by the name it had: TFX finds nothing and goes on
        return pipeline

    monkeypatch.setattr(local_runner, "create_pipeline", misnamed)
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.INFO)
    try:
        with pytest.raises(RuntimeError, match="TFX found no inputs for PairExampleGen; the log says which"):
            local_runner.run(dataclasses.replace(load("demo"), output=str(tmp_path)), tmp_path)
    finally:
        logging.set_verbosity(verbosity)
    events = [json.loads(line) for line in (tmp_path / EVENTS_FILE).read_text(encoding="utf-8").splitlines()]
    assert [event["component"] for event in events if event["event"] == "component_failed"] == ["PairExampleGen"]
