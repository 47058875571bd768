"""Kubeflow's ExecutorInput, read with the component's description."""

from __future__ import annotations

import json

import pytest

from tfx_pipeline.cluster.container.task import TaskError, read_task

EXAMPLES = "tfx.types.standard_artifacts.Examples"
DESCRIPTION = {
    "inputs": {"examples": EXAMPLES},
    "outputs": {"version": "tfx.types.standard_artifacts.String"},
    "parameters": {"splits": "str", "format": "int", "share": "float"},
}


def asked(**changes) -> dict:
    """Returns an ExecutorInput of the description; a change is such as inputs__parameterValues={...}."""
    given = {
        "inputs": {
            "artifacts": {"examples": {"artifacts": [{"name": "7", "uri": "gs://b/e"}]}},
            "parameterValues": {"splits": "[]", "format": 6.0, "share": 1.0, "unknown": "x"},
        },
        "outputs": {
            "artifacts": {
                "version": {"artifacts": [{"uri": "gs://b/v"}]},
                "executor-logs": {"artifacts": [{"uri": "gs://b/executor-logs-0"}]},
            },
            "parameters": {"version": {"outputFile": "/tmp/version"}},
            "outputFile": "/gcs/b/executor_output.json",
        },
    }
    for name, value in changes.items():
        side, _, field = name.partition("__")
        given[side][field] = value
    return given


def read(given: dict):
    return read_task(json.dumps(DESCRIPTION), json.dumps(given))


def test_parameters_have_the_kind_that_the_component_declares():
    task = read(asked())
    assert task.parameters == {"splits": "[]", "format": 6, "share": 1.0}
    assert {name: type(value) for name, value in task.parameters.items()} == {
        "splits": str,
        "format": int,
        "share": float,
    }


def test_what_the_description_lacks_is_let_be():
    task = read(asked())
    assert set(task.inputs) == {"examples"}
    assert set(task.outputs) == {"version"}
    assert task.addresses == ["gs://b/e", "gs://b/v"]


def test_parameters_that_are_not_given_are_absent():
    assert read(asked(inputs__parameterValues={"splits": None})).parameters == {}
    bare = asked()
    del bare["inputs"]["parameterValues"]
    assert read(bare).parameters == {}


def test_a_value_that_the_cluster_keeps_as_a_parameter_alone_is_written_to_that_ones_file():
    task = read(asked(outputs__artifacts={}))
    assert task.outputs["version"].said["uri"] == "/tmp/version"
    assert (task.output_artifacts, task.output_parameters) == (frozenset(), {"version"})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"inputs__artifacts": {}}, "names no artifact for inputs.examples; did the task before it make one"),
        ({"inputs__artifacts": {"examples": {"artifacts": []}}}, "names no artifact for inputs.examples"),
        ({"outputs__artifacts": {}, "outputs__parameters": {}}, "names no artifact for outputs.version"),
        (
            {"outputs__parameters": {"other": {"outputFile": "/tmp/other"}}},
            "the output parameter 'other' is no output of this component",
        ),
        ({"outputs__outputFile": ""}, "has no outputs.outputFile"),
        ({"inputs__parameterValues": {"format": 6.5}}, "the parameter 'format' is 6.5, which is no int"),
        ({"inputs__parameterValues": {"format": "6"}}, "the parameter 'format' is '6', which is no int"),
        ({"inputs__parameterValues": {"splits": 6.0}}, "the parameter 'splits' is 6.0, which is no str"),
    ],
)
def test_a_task_that_cannot_be_done_is_refused(changes, sentence):
    with pytest.raises(TaskError, match=sentence):
        read(asked(**changes))


@pytest.mark.parametrize("text", ["{{$}}", "[]", ""])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(TaskError, match="--executor-input is "):
        read_task(json.dumps(DESCRIPTION), text)
