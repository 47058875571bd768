"""The pipeline's process by itself, on what the command before it would have refused."""

from __future__ import annotations

import dataclasses

import yaml

from tfx_pipeline import pipeline_process
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
