"""The job for Vertex AI is one that Google's own client takes, as far as it checks without a network; none was sent."""

from __future__ import annotations

import datetime
import json

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.aiplatform_v1.types import PipelineJob, PipelineTaskDetail
from google.protobuf import json_format

from tfx_pipeline.cluster.submitting.unreachable import Unreachable
from tfx_pipeline.cluster.submitting.vertex_client import VertexRuns, observed
from tfx_pipeline.kubeflow_runner import compile_pipeline
from tfx_pipeline.settings.config import ConfigError, build

LINK = "https://console.example/run"
TASKS = PipelineTaskDetail.State


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A compiled pipeline with all that `cluster` asks for on Vertex AI."""
    cluster = {
        "default": {"cpu": 2, "memory": "8Gi"},
        "trainer": {"cpu": 8, "memory": "30Gi", "accelerator": "NVIDIA_L4", "count": 1},
        "env": {"TF_CPP_MIN_LOG_LEVEL": "2"},
        "retries": 2,
    }
    config = build({"name": "mine", "ingest": {"shards": "gs://bucket/shards"}, "cluster": cluster})
    folder = tmp_path_factory.mktemp("compiled")
    return compile_pipeline(config, platform="vertex", image="image", root="gs://bucket/runs", folder=folder)


@pytest.fixture
def runs():
    return VertexRuns("my-project", "europe-west4", AnonymousCredentials())


def test_googles_client_takes_the_job(runs, path):
    labels = json.loads(path.read_text(encoding="utf-8"))["labels"]
    job = runs.job(path, run_name="mine 1", labels=labels)
    sent = json_format.MessageToDict(PipelineJob.pb(job._gca_resource))  # public once it was sent
    assert sent["displayName"] == "mine 1"
    assert sent["labels"] == labels
    assert sent["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket/runs/artifacts"
    assert sent["pipelineSpec"]["pipelineInfo"]["name"] == "mine"
    assert job.job_id.startswith("mine-2")
    container = sent["pipelineSpec"]["deploymentSpec"]["executors"]["Trainer_executor"]["container"]
    assert container["resources"]["accelerator"]["type"] == "NVIDIA_L4"
    assert container["resources"]["memoryLimit"] == 32.21225472
    given = sent["pipelineSpec"]["root"]["inputDefinitions"]["parameters"]
    assert given["training_weight_decay"]["defaultValue"] == 1e-5
    assert {"name": "TF_CPP_MIN_LOG_LEVEL", "value": "2"} in container["env"]
    assert sent["pipelineSpec"]["root"]["dag"]["tasks"]["Trainer"]["retryPolicy"]["maxRetryCount"] == 2


def test_a_job_without_a_file_is_refused_in_one_sentence(runs, tmp_path):
    (tmp_path / "job.json").write_text('{"pipelineSpec": {"pipelineInfo": {"name": "mine"}}}', encoding="utf-8")
    with pytest.raises(ConfigError, match="--project my-project and --region europe-west4: Google's client refuses"):
        runs.job(tmp_path / "job.json", run_name="x" * 200, labels={})


def test_where_the_console_shows_a_run(runs):
    assert runs.link("mine-20260821") == (
        "https://console.cloud.google.com/vertex-ai/locations/europe-west4/pipelines/runs/mine-20260821"
        "?project=my-project"
    )


def a_job(state: str, *details: PipelineTaskDetail, error: str = "") -> PipelineJob:
    tasks = {"Trainer": {"dependentTasks": ["PairFilter"]}, "PairFilter": {}, "Pusher": {"dependentTasks": ["Trainer"]}}
    job = PipelineJob(
        display_name="mine 1",
        state=f"PIPELINE_STATE_{state}",
        pipeline_spec={"root": {"dag": {"tasks": tasks}}},
        job_detail={"task_details": list(details)},
    )
    job.error.message = error
    return job


def detail(name: str, state: PipelineTaskDetail.State, minutes: tuple[int, int] | None = None, error: str = ""):
    made = PipelineTaskDetail(task_name=name, state=state)
    if minutes:
        moments = [datetime.datetime(2026, 8, 21, 10, each, tzinfo=datetime.timezone.utc) for each in minutes]
        made.start_time, made.end_time = moments
    made.error.message = error
    return made


def test_what_became_of_a_run():
    seen = observed(
        a_job(
            "RUNNING",
            detail("mine", TASKS.RUNNING),  # the pipeline itself
            detail("PairFilter", TASKS.SKIPPED, (1, 2)),
            detail("Trainer", TASKS.RUNNING),
        ),
        LINK,
    )
    assert seen.components == ["PairFilter", "Trainer", "Pusher"]
    assert [(task.id, task.state) for task in seen.tasks] == [("PairFilter", "cached"), ("Trainer", "running")]
    assert seen.tasks[0].ended - seen.tasks[0].started == 60
    assert seen.tasks[1].started is None
    assert (seen.ended, seen.error) == (False, None)


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        ("SUCCEEDED", "", None),
        ("FAILED", "no\nquota", f"the run is failed: no quota; see {LINK}"),
        ("CANCELLED", "", f"the run is cancelled; see {LINK}"),
    ],
)
def test_how_a_run_ended(state, error, words):
    seen = observed(a_job(state, detail("Trainer", TASKS.FAILED, error="exit\nstatus 1"), error=error), LINK)
    assert (seen.ended, seen.error) == (True, words)
    assert seen.tasks[0].error == "exit status 1"


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (exceptions.PermissionDenied("no\nright"), ConfigError, r"refuses \(403\): no right"),
        (exceptions.ServiceUnavailable("gone"), Unreachable, r"does not answer \(503 gone\)"),
    ],
)
def test_what_googles_client_raises_is_one_sentence(runs, monkeypatch, raised, kind, words):
    class Job:
        def submit(self, **_: object) -> None:
            raise raised

    with pytest.raises(kind, match=words):
        runs.submit(Job(), None, None)


def test_without_credentials_the_remedy_is_named(monkeypatch, tmp_path, path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ConfigError, match=r"needs credentials .*sign in by gcloud auth application-default login"):
        VertexRuns("my-project", "europe-west4").job(path, run_name="mine", labels={})
