"""A small pipeline in its compiled form, and containers whose executor writes down what it is handed."""

from __future__ import annotations

import pytest

import recording_executor
from cluster_tasks import FORMS
from recorded_components import Container

TASKS = ("PairFiles", "PairExampleGen", "EvaluationSet-coco", "PairFilter", "Trainer", "Pusher")


@pytest.fixture
def spec() -> dict:
    """A pipeline spec of a few containers, and an importer."""
    executors = {f"{task}_executor": {"container": {"image": "image", "command": ["python"]}} for task in TASKS}
    executors["CuratedSchema_executor"] = {"importer": {"artifactUri": {"constant": "gs://a"}}}
    names = (*TASKS, "CuratedSchema")
    return {
        "components": {name: {"executorLabel": f"{name}_executor"} for name in names},
        "deploymentSpec": {"executors": executors},
        "root": {"dag": {"tasks": {name: {"componentRef": {"name": name}} for name in names}}},
    }


@pytest.fixture(autouse=True)
def calls() -> None:
    """What is recorded is of one test alone."""
    recording_executor.CALLS.clear()


@pytest.fixture(params=FORMS)
def container(request, tmp_path) -> Container:
    return Container(request.param, tmp_path)


@pytest.fixture
def kubeflow(tmp_path) -> Container:
    return Container("kubeflow", tmp_path)
