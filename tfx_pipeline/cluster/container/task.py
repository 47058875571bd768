"""What a cluster asks of one container: Kubeflow's ExecutorInput, read with the component's own description.

Both are JSON. Keys that the description lacks are let be, such as `executor-logs`, which Kubeflow adds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KINDS = {"str": str, "int": int, "float": float}


class TaskError(Exception):
    """Why a container cannot do its task, in a sentence for the user."""


@dataclass(frozen=True)
class Described:
    """One artifact.

    Attributes:
      kind: "module.Class" of its Python class.
      said: what the cluster says of it: {"name": ..., "uri": ..., "type": ..., "metadata": {...}}.
    """

    kind: str
    said: Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """One execution of a component.

    Attributes:
      inputs: key -> the artifacts behind it.
      outputs: key -> the artifact to make.
      parameters: name -> value; those that the cluster does not give are absent.
      output_parameters: keys of the outputs whose value is handed on as a parameter. Where the cluster keeps no
        artifact of one, its "uri" is the parameter's own file.
      output_artifacts: keys of the outputs that the cluster keeps as artifacts.
      output_file: where to say what was made.
    """

    inputs: Mapping[str, tuple[Described, ...]]
    outputs: Mapping[str, Described]
    parameters: Mapping[str, str | int | float]
    output_parameters: frozenset[str]
    output_artifacts: frozenset[str]
    output_file: str

    @property
    def addresses(self) -> list[str]:
        """The artifacts' addresses."""
        every = [*(one for several in self.inputs.values() for one in several), *self.outputs.values()]
        return [one.said.get("uri", "") for one in every]


def read_task(description: str, executor_input: str) -> Task:
    """Read a task.

    Args:
      description: `component_description` as JSON.
      executor_input: what Kubeflow and Vertex AI put in the place of "{{$}}".

    Raises:
      TaskError: where an artifact is not there or a parameter is not of its kind.
    """
    component, asked = _read_json("--component", description), _read_json("--executor-input", executor_input)
    given, wanted = asked.get("inputs", {}), asked.get("outputs", {})
    inputs = {key: _artifacts(given, "inputs", key, kind) for key, kind in component["inputs"].items()}
    parameter_files = {name: file["outputFile"] for name, file in wanted.get("parameters", {}).items()}
    output_artifacts = frozenset(key for key in component["outputs"] if key in wanted.get("artifacts", {}))
    outputs = {
        key: _artifacts(wanted, "outputs", key, kind)[0]
        if key in output_artifacts or key not in parameter_files
        else Described(kind, {"name": key, "uri": parameter_files[key]})
        for key, kind in component["outputs"].items()
    }
    values = given.get("parameterValues", {})
    output_parameters = frozenset(parameter_files)
    for name in sorted(output_parameters - set(outputs)):
        raise TaskError(f"the output parameter {name!r} is no output of this component; compile the pipeline again")
    if not wanted.get("outputFile"):
        raise TaskError("--executor-input has no outputs.outputFile; is the container run by Kubeflow Pipelines 2?")
    return Task(
        inputs=inputs,
        outputs=outputs,
        parameters={
            name: _typed(name, kind, values[name])
            for name, kind in component["parameters"].items()
            if values.get(name) is not None
        },
        output_parameters=output_parameters,
        output_artifacts=output_artifacts,
        output_file=wanted["outputFile"],
    )


def _read_json(option: str, text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise TaskError(f"{option} is no JSON ({error}); let the cluster fill in what `align compile` wrote") from error
    if not isinstance(content, dict):
        raise TaskError(f"{option} is {text!r}, which is no JSON object; let the cluster fill in what was compiled")
    return content


def _artifacts(asked: Mapping[str, Any], side: str, key: str, kind: str) -> tuple[Described, ...]:
    found = asked.get("artifacts", {}).get(key, {}).get("artifacts", [])
    if not found:
        raise TaskError(f"--executor-input names no artifact for {side}.{key}; did the task before it make one?")
    return tuple(Described(kind, said) for said in found)


def _typed(name: str, kind: str, value: Any) -> str | int | float:
    """Returns a parameter as the component declares it: JSON has each number as a double."""
    if kind == "str" and isinstance(value, str):
        return value
    if kind != "str" and isinstance(value, int | float) and KINDS[kind](value) == value:
        return KINDS[kind](value)
    raise TaskError(f"the parameter {name!r} is {value!r}, which is no {kind}; compile the pipeline again")
