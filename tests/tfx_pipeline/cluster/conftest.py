"""A small pipeline in its compiled form."""

from __future__ import annotations

import pytest

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
