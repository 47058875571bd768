"""What kfp's real client sends for `align submit`, to a stand-in for Kubeflow's API; no Kubeflow ran it."""

from __future__ import annotations

import socket

import pytest
import yaml

from kubeflow_api import StandIn, kubeflow_api, node
from tfx_pipeline.cluster.submitting.kubeflow_client import KubeflowRuns, tasks_of
from tfx_pipeline.cluster.submitting.unreachable import Unreachable
from tfx_pipeline.settings.config import ConfigError

PIPELINE = {
    "schemaVersion": "2.1.0",
    "pipelineInfo": {"name": "mine"},
    "root": {"dag": {"tasks": {"Trainer": {"dependentTasks": ["PairFilter"]}, "PairFilter": {}}}},
    # as newer clients write it; kfp 2.5 knows no such field and must not read the file
    "deploymentSpec": {"executors": {"Trainer": {"container": {"resources": {"resourceCpuLimit": "4"}}}}},
}
PLATFORM = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {"Trainer": {}}}}}}


@pytest.fixture
def api():
    with kubeflow_api() as stand_in:
        yield stand_in


@pytest.fixture
def compiled(tmp_path):
    path = tmp_path / "mine.kubeflow.yaml"
    path.write_text(yaml.safe_dump_all([PIPELINE, PLATFORM]), encoding="utf-8")
    return path


def submit(runs: KubeflowRuns, path, name: str = "mine 1", account: str | None = None) -> str:
    return runs.submit(path, pipeline="mine", experiment="trials", run_name=name, service_account=account)


def test_a_run_is_of_the_version_that_was_uploaded(api, compiled):
    runs = KubeflowRuns(api.address + "/", None, None)
    assert submit(runs, compiled, account="trainer") == "run-0"
    assert api.versions == {"version-0": ("pipeline-0", "mine", [PIPELINE, PLATFORM])}
    run = api.runs["run-0"]
    assert run["display_name"] == "mine 1"
    assert run["experiment_id"] == api.experiments["trials"]
    assert run["service_account"] == "trainer"
    assert run["pipeline_version_reference"] == {"pipeline_id": "pipeline-0", "pipeline_version_id": "version-0"}
    assert runs.link("run-0") == f"{api.address}/#/runs/details/run-0"


def test_a_second_run_adds_a_version(api, compiled):
    runs = KubeflowRuns(api.address, None, None)
    submit(runs, compiled)
    assert submit(runs, compiled, "mine 2") == "run-1"
    assert [name for _, name, _ in api.versions.values()] == ["mine", "mine 2"]
    assert api.runs["run-1"]["pipeline_version_reference"]["pipeline_version_id"] == "version-1"
    assert api.runs["run-1"].get("service_account") is None
    assert set(api.experiments) == {"trials"}
    assert set(api.pipelines) == {"mine"}


def test_what_became_of_a_run(api, compiled):
    runs = KubeflowRuns(api.address, None, None)
    run_id = submit(runs, compiled)
    done = [
        node("root", "RUNNING", started=1),
        node("root-driver", "SUCCEEDED", started=1, ended=2),
        node("PairFilter-driver", "SUCCEEDED", started=2, ended=3),
        node("PairFilter", "SUCCEEDED", started=3, ended=4, number=5, below=6),
        node("executor", "SKIPPED", started=3, ended=3, number=6),
        node("Trainer-driver", "RUNNING", started=4),
    ]
    api.states = [("RUNNING", done, None), ("FAILED", [], "pods were evicted")]
    seen = runs.look(run_id)
    assert seen.components == ["PairFilter", "Trainer"]  # in the order of the pipeline
    assert [(task.id, task.state) for task in seen.tasks] == [("PairFilter", "cached"), ("Trainer", "running")]
    assert seen.tasks[0].ended - seen.tasks[0].started == 120
    assert seen.tasks[1].ended is None
    assert (seen.ended, seen.error) == (False, None)
    failed = runs.look(run_id)
    assert failed.ended
    assert failed.error == f"the run is failed: pods were evicted; its logs are at {api.address}/#/runs/details/run-0"


@pytest.mark.parametrize(
    ("nodes", "state"),
    [
        ([("Trainer-driver", "PENDING")], "running"),
        ([("Trainer-driver", "SUCCEEDED")], "running"),  # its pod has not started yet
        ([("Trainer-driver", "FAILED")], "failed"),
        ([("Trainer-driver", "SUCCEEDED"), ("Trainer", "RUNNING")], "running"),
        ([("Trainer-driver", "SUCCEEDED"), ("Trainer", "SUCCEEDED")], "complete"),
        ([("Trainer-driver", "SUCCEEDED"), ("Trainer", "FAILED")], "failed"),
        ([("Trainer-driver", "SKIPPED")], "waiting"),  # what it waits for has failed
    ],
)
def test_a_tasks_state_is_that_of_its_nodes(api, compiled, nodes, state):
    runs = KubeflowRuns(api.address, None, None)
    run_id = submit(runs, compiled)
    api.states = [("RUNNING", [node(name, each, started=1, ended=2) for name, each in nodes], None)]
    assert [(task.id, task.state) for task in runs.look(run_id).tasks] == [("Trainer", state)]


def test_a_pipeline_without_nodes_has_no_tasks():
    assert tasks_of([], []) == []


def test_a_token_is_sent(api, compiled):
    api.token = "open-sesame"
    assert submit(KubeflowRuns(api.address, None, "open-sesame"), compiled) == "run-0"


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_token_that_is_refused_is_one_sentence_at_once(api, token):
    api.token = "open-sesame"
    with pytest.raises(ConfigError, match=r"--host is 'http://127\.0\.0\.1:\d+', which refuses \(401 .*give --token"):
        KubeflowRuns(api.address, None, token)
    assert len(api.requests) == 1  # kfp's client would ask five times, and wait in between


def test_several_users_need_a_namespace(api, compiled):
    api.multi_user = True
    with pytest.raises(ConfigError, match="which has several users; give --namespace, your profile"):
        KubeflowRuns(api.address, None, None)
    runs = KubeflowRuns(api.address, "me", None)
    submit(runs, compiled)


def test_what_the_api_refuses_is_one_sentence_in_its_words(api, compiled):
    compiled.write_text(yaml.safe_dump({**PIPELINE, "schemaVersion": "2.0.0"}), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"which refuses \(400\): KFP only supports schema version 2\.1\.0, but"):
        submit(KubeflowRuns(api.address, None, None), compiled)


def test_a_run_that_is_not_there(api):
    with pytest.raises(ConfigError, match=r"which refuses \(404\): ResourceNotFoundError"):
        KubeflowRuns(api.address, None, None).look("run-9")


def test_a_host_where_nothing_answers():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unreachable, match=rf"--host is '{host}', where no Kubeflow Pipelines answers \(.*refused"):
            KubeflowRuns(host, None, None)


def test_a_host_that_does_not_exist():
    with pytest.raises(Unreachable, match="where no Kubeflow Pipelines answers"):
        KubeflowRuns("http://kubeflow.invalid", None, None)


@pytest.mark.parametrize("host", ["kubeflow.example:8080", "", "ftp://kubeflow.example", "http:///x"])
def test_a_host_that_is_no_address(host):
    with pytest.raises(ConfigError, match="give the whole address, such as http"):
        KubeflowRuns(host, None, None)


def test_a_server_of_another_kind_is_one_sentence(api, monkeypatch):
    monkeypatch.setattr(StandIn, "answer", lambda *_: (200, ["hello"]))
    with pytest.raises(ConfigError, match="whose answer is not one of Kubeflow Pipelines"):
        KubeflowRuns(api.address, None, None)
