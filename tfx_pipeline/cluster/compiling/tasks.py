"""Makes of TFX's compiled pipeline one that open-source Kubeflow, Vertex AI and Kubeflow's local runner all execute.

TFX's compiler starts its own entry point, which cannot read what open-source Kubeflow hands it. It gives the whole
pipeline one choice of cache. Where a task's answer is another's parameter, it names a task that does not exist, and
keeps the answer as an artifact of the same name too.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any, cast

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import BeamExecutorSpec, ExecutorClassSpec
from tfx.orchestration.pipeline import Pipeline
from tfx.utils import name_utils

from components.lookup import LookupDriver
from tfx_pipeline.cluster.compiling.description import component_description
from tfx_pipeline.cluster.container.source import source_fingerprint
from tfx_pipeline.settings.config import ConfigError

PACKAGE = "tfx_pipeline"
ENTRY_POINT = f"{PACKAGE}.cluster.container.entry_point"
LONGEST = 120_000  # bytes: Linux takes 131,071 an argument, and {{$}} holds the artifacts too
_TASK = "_task"  # what TFX puts behind the name of a task whose answer is a parameter; no task is called so


def start_our_entry_point(spec: dict[str, Any], pipeline: Pipeline) -> None:
    """Let each container of a compiled pipeline run our entry point, and each look-up run each time.

    Args:
      spec: the compiled pipeline, a PipelineSpec of version 2.1 as JSON has it; changed in place.
      pipeline: what it was compiled from.

    Raises:
      ConfigError: where a component's settings are too long for a container's argument.
    """
    source = source_fingerprint()
    executors, tasks = spec["deploymentSpec"]["executors"], spec["root"]["dag"]["tasks"]
    for component in pipeline.components:
        task, definition = tasks[component.id], spec["components"][component.id]
        container = executors[definition["executorLabel"]]["container"]
        container["command"] = _command(container["image"])
        container["args"] = _arguments(component, source)
        if issubclass(component.driver_class, LookupDriver):
            task["cachingOptions"] = {}  # a cluster would take last month's answer
        _name_producers(task)
        _refuse_long(component.id, task)
        _keep_answers_as_parameters_alone(definition.get("outputDefinitions", {}))


def _command(image: str) -> list[str]:
    """Returns what starts the entry point, or says that the image lacks it, where Python would name a module alone."""
    lacking = (
        f"the image {image} does not hold this project; build one by make image, from the checkout that compiles, and "
        "give its name by --image"
    )
    script = (
        f"python -c 'import {PACKAGE}' || {{ echo {shlex.quote(lacking)} >&2; exit 1; }}\n"
        f'exec python -m {ENTRY_POINT} "$@"'
    )
    return ["sh", "-c", script, "sh"]


def _arguments(component: BaseComponent, source: str) -> list[str]:
    spec = cast(ExecutorClassSpec, component.executor_spec)
    beam = spec.beam_pipeline_args if isinstance(spec, BeamExecutorSpec) else []
    return [
        *("--executor", name_utils.get_full_name(spec.executor_class)),
        *("--component", json.dumps(component_description(component), sort_keys=True)),
        *("--source", source),
        *("--executor-input", "{{$}}"),
        "--",
        *beam,
    ]


def _name_producers(task: Mapping[str, Any]) -> None:
    for parameter in task.get("inputs", {}).get("parameters", {}).values():
        if "taskOutputParameter" in parameter:
            answer = parameter["taskOutputParameter"]
            answer["producerTask"] = answer["producerTask"].removesuffix(_TASK)


def _refuse_long(name: str, task: Mapping[str, Any]) -> None:
    length = len(json.dumps(task.get("inputs", {}).get("parameters", {})).encode())
    if length > LONGEST:
        raise ConfigError(
            f"the settings of {name} come to {length:,} bytes, and a container on a cluster takes {LONGEST:,}; shorten "
            "what the config lists, such as evaluation.class_names and evaluation.prompts"
        )


def _keep_answers_as_parameters_alone(outputs: dict[str, Any]) -> None:
    """Nobody takes an answer as an artifact, and Kubeflow's local runner would take that for the parameter."""
    for name in outputs.get("parameters", {}):
        outputs["artifacts"].pop(name)
