"""`align submit`: what is said before anything is sent, what a run on a cluster looks like, how it ends, Ctrl-C."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from kubeflow_api import kubeflow_api, node
from tfx_pipeline.cli import app
from tfx_pipeline.cluster.submitting.observation import Observed, Task
from tfx_pipeline.cluster.submitting.unreachable import Unreachable
from tfx_pipeline.commands import submit as command
from tfx_pipeline.commands.submit import Place, follow, follow_again
from tfx_pipeline.kubeflow_runner import compile_pipeline
from tfx_pipeline.settings.config import ConfigError, build

HERE = Place("kubeflow", host="http://127.0.0.1:8080", namespace="me")
LINK = "http://127.0.0.1:8080/run"


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(command, "LOOK_EVERY_S", 0.0)


class Script:
    """Runs that were seen before: each look shows the next, or raises it."""

    def __init__(self, *seen: Observed | BaseException) -> None:
        self._seen = list(seen)

    def look(self, run_id: str) -> Observed:
        seen = self._seen.pop(0)
        if isinstance(seen, BaseException):
            raise seen
        return seen

    def link(self, run_id: str) -> str:
        return LINK


def seen(*tasks: Task, ended: bool = False, error: str | None = None) -> Observed:
    return Observed("mine 1", ("PairFilter", "Trainer"), tasks, ended, error)


def followed(*script: Observed | BaseException):
    console = Console(file=io.StringIO(), width=200)
    try:
        record = follow(Script(*script), "run-7", HERE, console)
    except (SystemExit, ConfigError) as ended:
        record = ended
    return record, [line[10:] if line[2:3] == ":" else line for line in console.file.getvalue().splitlines()]


def test_a_run_that_ends_well():
    record, lines = followed(
        seen(Task("PairFilter", "running", 10.0)),
        seen(Task("PairFilter", "cached", 10.0, 11.0), Task("Trainer", "running", 12.0)),
        seen(Task("Trainer", "complete", 12.0, 75.0), ended=True),
    )
    assert record.why_failed is None
    assert lines[:-2] == [
        "Run     run-7",
        f"Page    {LINK}",
        f"mine 1 started, 2 components, page {LINK}",
        "PairFilter started",
        "PairFilter cached in 1.0 s",
        "Trainer started",
        "Trainer complete in 1 min 03 s",
    ]
    assert lines[-2].startswith("mine 1 finished in ")
    assert lines[-1] == f"Page    {LINK}"


def test_a_run_that_fails():
    record, lines = followed(
        seen(Task("PairFilter", "failed", 10.0, 12.0, "out of memory"), ended=True, error="the run is failed")
    )
    assert record.why_failed == "out of memory"
    assert lines[-2:] == ["PairFilter failed: out of memory", f"Page    {LINK}"]


def test_ctrl_c_leaves_the_run_going_and_says_how_to_follow_it_again():
    ended, lines = followed(seen(Task("PairFilter", "running", 10.0)), KeyboardInterrupt())
    assert ended.code == 130
    assert lines[-1] == (
        "The run goes on. Follow it again: align submit --platform kubeflow --host http://127.0.0.1:8080 "
        "--namespace me --follow run-7"
    )


def test_a_server_that_is_away_for_a_while_ends_nothing():
    away = [Unreachable("away")] * (command.PATIENCE - 1)
    record, _ = followed(seen(Task("PairFilter", "running", 1.0)), *away, seen(ended=True))
    assert record.succeeded


def test_a_server_that_stays_away_is_one_sentence():
    refused, _ = followed(seen(Task("PairFilter", "running", 1.0)), *[Unreachable("it is away")] * command.PATIENCE)
    assert str(refused).startswith("it is away; the run goes on, follow it again by align submit --platform kubeflow")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"platform": "airflow"}, "--platform is 'airflow'; it must be one of kubeflow, vertex"),
        ({"platform": "kubeflow"}, "--platform kubeflow needs --host; say where to send the run"),
        ({"platform": "vertex", "project": "p"}, "--platform vertex needs --region; say where"),
        ({"platform": "vertex"}, "--platform vertex needs --project and --region"),
        (
            {"platform": "vertex", "project": "p", "region": "r", "host": "http://x"},
            "--host is nothing that --platform vertex knows; leave it out",
        ),
        ({"platform": "kubeflow", "host": "http://x", "region": "r"}, "--region is nothing that --platform kubeflow"),
    ],
)
def test_a_place_that_is_none(options, words):
    with pytest.raises(ConfigError, match=words):
        Place(**options)


def test_a_token_is_never_shown():
    assert "secret" not in Place("kubeflow", host="http://x", token="secret").as_options()


def test_without_kfp_it_says_what_to_install():
    program = "import sys\nsys.modules['kfp'] = None\nfrom tfx_pipeline.cli import main\nmain()\n"
    options = ["--platform", "kubeflow", "--host", "http://127.0.0.1:9", "--image", "i"]
    done = subprocess.run(
        [sys.executable, "-c", program, "submit", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("align: align submit needs kfp, which is not installed; install this project with")


def test_a_run_that_was_started_before_is_followed():
    with kubeflow_api() as api:
        pipeline = {
            "schemaVersion": "2.1.0",
            "pipelineInfo": {"name": "mine"},
            "root": {"dag": {"tasks": {"Trainer": {}}}},
        }
        api.versions["version-0"] = ("pipeline-0", "mine", [pipeline])
        reference = {"pipeline_id": "pipeline-0", "pipeline_version_id": "version-0"}
        api.runs["run-0"] = {"display_name": "mine 1", "pipeline_version_reference": reference}
        done = node("Trainer-driver", "SUCCEEDED", started=1, ended=2), node("Trainer", "FAILED", started=2, ended=3)
        api.states = [("RUNNING", list(done[:1]), None), ("FAILED", list(done), "Trainer exited with 1")]
        console = Console(file=io.StringIO(), width=200)
        record = follow_again("run-0", Place("kubeflow", host=api.address), console)
    assert record.failed.id == "Trainer"
    assert "Trainer failed: the run is failed: Trainer exited with 1; its logs are at" in console.file.getvalue()


def test_no_task_of_a_job_for_vertex_is_taken_from_the_cache_where_none_is_wanted(tmp_path):
    path = compile_pipeline(
        build({"name": "mine", "ingest": {"shards": "gs://bucket/shards"}}),
        platform="vertex",
        image="image",
        root="gs://bucket/runs",
        folder=tmp_path,
    )
    expected = json.loads(path.read_text(encoding="utf-8"))
    for task in expected["pipelineSpec"]["root"]["dag"]["tasks"].values():
        task["cachingOptions"] = {}
    given = expected["pipelineSpec"]["root"]["inputDefinitions"]["parameters"]
    assert given["training_weight_decay"]["defaultValue"] == 1e-5
    command.write_uncached(path)
    assert json.loads(path.read_text(encoding="utf-8")) == expected
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == expected  # as Google's client reads it: 1e-05 is a text


def test_the_command_compiles_sends_and_follows(monkeypatch):
    """Through TFX's compiler and kfp's client, to a stand-in for Kubeflow's API."""
    monkeypatch.setattr("tfx_pipeline.live.live_view.time.sleep", lambda _: None)
    with kubeflow_api() as api:
        options = ["--platform", "kubeflow", "--host", api.address, "--image", "registry.example/align:1"]
        options += ["--root", "gs://bucket/runs", "--set", "ingest.shards=gs://bucket/shards", "--no-cache"]
        options += ["--set", "cluster.service_account=trainer", "--experiment", "trials", "--run-name", "the first"]
        done = CliRunner().invoke(app, ["submit", *options], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        ((_, name, documents),) = api.versions.values()
        (run,) = api.runs.values()
    assert name == "align-demo"
    assert (run["display_name"], run["service_account"]) == ("the first", "trainer")
    tasks = documents[0]["root"]["dag"]["tasks"]
    assert {"PairExampleGen", "Trainer", "Pusher"} <= set(tasks)
    assert all(task["cachingOptions"] == {} for task in tasks.values())
    assert f"Page    {api.address}/#/runs/details/run-0" in done.output
