"""The whole chain through the `align` command on part of the demo data: kill, resume, refuse, push, cache, answer.

The tests tell one story in order and share one output folder; each builds on what the one before left there. The
command that is killed is a process, and so are its pipeline and the next one, which goes on from there; the others run
in the test's own, which has loaded TFX.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pipeline_here import pipelines_here
from typer.testing import CliRunner

from tfx_pipeline.cli import app
from tfx_pipeline.runs.run_record import RunRecord, latest_run_dir, read_record

ALIGN = [sys.executable, "-m", "tfx_pipeline.cli"]
COMPONENTS = [
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
UNREACHABLE = "evaluation.min_metrics={seen/t2i_recall_at_10: 0.99}"
REACHABLE = "evaluation.min_metrics={seen/t2i_recall_at_10: 0.001}"


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("e2e")
    path = folder / "short.yaml"
    path.write_text(
        "preset: demo\n"
        f"output: {folder / 'output'}\n"
        "ingest:\n  splits: {train: 'train/00000.tar.gz', seen: seen/00000.tar.gz, unseen: unseen/*.tar.gz}\n"
        "training:\n  steps: 12\n  warmup_steps: 2\n  batch: 64\n  log_every_steps: 4\n",
        encoding="utf-8",
    )
    return path


def root_of(config: Path) -> Path:
    return config.parent / "output" / "align-demo"


def align(*arguments: str):
    """Run the command; returns its exit code and what it printed."""
    return CliRunner().invoke(app, arguments)


def run(config: Path, setting: str) -> RunRecord:
    done = align("run", "--config", str(config), "--set", setting)
    record = read_record(latest_run_dir(root_of(config)))
    log = (record.run_dir / "log.txt").read_text(errors="replace")
    assert done.exit_code == 0, f"{done.output}\n{log[-4000:]}"
    assert "Fatal Python error" not in log
    return record


def states(record: RunRecord) -> dict[str, str]:
    return {component.id: component.state for component in record.components}


def pushed(config: Path) -> list[Path]:
    return sorted((root_of(config) / "serving_models" / "align").glob("*"))


def trainer_runs(runs: Path) -> bool:
    return any(read_record(run_dir).component("Trainer").state == "running" for run_dir in runs.glob("*"))


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.5)


def test_1_a_killed_run_ends_whole_and_goes_on_by_the_same_command_each_component_once(config):
    arguments = ["run", "--config", str(config), "--set", UNREACHABLE]
    runs = root_of(config) / "runs"
    command = subprocess.Popen([*ALIGN, *arguments], stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: trainer_runs(runs), seconds=600)
        (pipeline,) = Path(f"/proc/{command.pid}/task/{command.pid}/children").read_text().split()
    finally:
        command.kill()
        command.wait()
    wait_until(lambda: not Path(f"/proc/{pipeline}").exists(), seconds=60)
    killed = states(read_record(latest_run_dir(root_of(config))))
    assert killed["Trainer"] == "running"
    resumed = states(run(config, UNREACHABLE))
    assert set(resumed) == set(killed) == set(COMPONENTS)
    before = {component for component, state in killed.items() if state == "complete"}
    assert {"PairExampleGen", "PairFilter", "Vocabulary"} <= before
    assert resumed == {component: "cached" if component in before else "complete" for component in COMPONENTS}
    for component in set(COMPONENTS) - {"Trainer"}:
        executions = list((root_of(config) / "artifacts" / component).glob("[!.]*/*"))  # .system is TFX's own
        outputs = {path.parent.name for path in executions}
        assert len(executions) == len(outputs), f"{component} ran more than once: {executions}"


def test_2_a_model_below_its_threshold_is_not_pushed(config):
    assert pushed(config) == []
    page = (latest_run_dir(root_of(config)) / "report.html").read_text(encoding="utf-8")
    assert "t2i_recall_at_10" in page


def test_3_a_changed_threshold_reruns_only_the_judge_and_pushes(config):
    with pipelines_here():
        record = run(config, REACHABLE)
    again = {component for component, state in states(record).items() if state == "complete"}
    assert again == {"Evaluator", "Pusher"}
    (version,) = pushed(config)
    assert (version / "saved_model.pb").is_file()


def test_4_an_unchanged_run_takes_everything_from_the_cache(config):
    with pipelines_here():
        record = run(config, REACHABLE)
    fresh = {component for component, state in states(record).items() if state != "cached"}
    assert fresh == set()
    assert len(pushed(config)) == 1
    with (root_of(config) / "history.csv").open(encoding="utf-8") as table:  # neither the killed run is in it nor this
        assert [row["blessed"] for row in csv.DictReader(table)] == ["no", "yes"]


def test_5_the_pushed_model_answers_a_query_with_a_page(config, coloured_png):
    page = config.parent / "query.html"
    found = align("query", "sad cat", "--config", str(config), "--out", str(page), "-k", "6")
    assert found.exit_code == 0, found.output
    assert page.read_text(encoding="utf-8").count("data:image/") == 6
    (config.parent / "yellow.png").write_bytes(coloured_png(255, 220, 0))
    mixed = ["--image", str(config.parent / "yellow.png"), "--minus-text", "sad", "--out", str(page)]
    combined = align("query", "cat", *mixed, "--config", str(config))
    assert combined.exit_code == 0, combined.output
    assert "yellow.png" in page.read_text(encoding="utf-8")


def test_6_the_report_is_rebuilt_from_any_run(config):
    _, resumed, *_ = sorted((root_of(config) / "runs").glob("*"))
    (resumed / "report.html").unlink()
    done = align("report", "--run", str(resumed))
    assert done.exit_code == 0, done.output
    assert (resumed / "report.html").is_file()


def test_7_a_filter_that_leaves_nothing_is_one_sentence(config):
    with pipelines_here():
        done = align("run", "--config", str(config), "--set", "filter.shorter_side_above_px=10000")
    assert done.exit_code == 1, done.output
    told = [line for line in done.stdout.splitlines() if "PairFilter failed" in line]
    assert len(told) == 1, done.stdout
    assert "loosen filter.shorter_side_above_px, which is 10000" in told[0]
    assert "Traceback" not in done.output
