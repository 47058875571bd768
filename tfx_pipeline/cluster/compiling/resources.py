"""Puts what a config asks of the cluster into a compiled pipeline: memory, accelerators, variables, retries.

A pipeline spec is a mapping in the JSON form of kubeflow/pipelines' api/v2alpha1/pipeline_spec.proto. Amounts stand in
it twice: as text, which newer backends read first, and as numbers, which older ones and Vertex AI read.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from components import component_ids as ids
from tfx_pipeline.cluster.compiling.platforms import Platform, check_platform
from tfx_pipeline.cluster.container import secrets
from tfx_pipeline.settings.cluster_config import ClusterConfig, ComponentPodConfig
from tfx_pipeline.settings.quantities import BYTES_PER_GB, as_text, cores, memory_bytes

FIELD_OF = {  # a component's id, up to its first hyphen -> its field in ClusterConfig
    ids.PAIR_EXAMPLE_GEN: "ingest",
    ids.EVALUATION_SET: "ingest",
    ids.STATISTICS_GEN: "statistics",
    ids.PAIR_FILTER: "filter",
    ids.VOCABULARY: "vocabulary",
    ids.TRAINER: "trainer",
    ids.EVALUATOR: "evaluator",
    ids.EXPORTER: "serving_validator",
    ids.SERVING_VALIDATOR: "serving_validator",
}
# As kfp's set_retry has them, but for the minute: what was evicted would be so again at once.
_WAITS = {"backoffDuration": "60s", "backoffFactor": 2.0, "backoffMaxDuration": "3600s"}


def with_cluster_settings(spec: dict[str, Any], config: ClusterConfig, platform: Platform) -> dict[str, Any]:
    """Return a compiled pipeline whose containers get what a config asks for.

    Args:
      spec: the pipeline spec; left as it is.
      config: what to ask for.
      platform: where it will run.

    Returns:
      A spec with `resources` and `env` in containers and `retryPolicy` in their tasks.

    Raises:
      ValueError: naming the field, for what the platform cannot do.
    """
    check_platform(config, platform)
    spec = copy.deepcopy(spec)
    variables = {**config.env, **({secrets.VARIABLE: secrets.told(config.secrets)} if config.secrets else {})}
    for component_id, label in containers(spec):
        container = spec["deploymentSpec"]["executors"][label]["container"]
        asked = _resources(pod_of(component_id, config))
        if asked:
            container["resources"] = asked
        if variables:
            given = [each for each in container.get("env", []) if each["name"] not in variables]
            container["env"] = given + [{"name": name, "value": value} for name, value in variables.items()]
        if config.retries:
            task = spec["root"]["dag"]["tasks"][component_id]
            task["retryPolicy"] = {"maxRetryCount": config.retries, **_WAITS}
    return spec


def containers(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (component id, executor's label) of each task that is a container."""
    executors = spec["deploymentSpec"]["executors"]
    for component_id, task in spec["root"]["dag"]["tasks"].items():
        label = spec["components"][task["componentRef"]["name"]].get("executorLabel")
        if "container" in executors.get(label, {}):
            yield component_id, label


def pod_of(component_id: str, config: ClusterConfig) -> ComponentPodConfig:
    """Returns what a component's container gets: its own section over the default, field by field."""
    name = FIELD_OF.get(component_id.partition("-")[0])
    own = getattr(config, name) if name else ComponentPodConfig()
    default = config.default
    unset = {each.name: getattr(default, each.name) for each in fields(default) if getattr(own, each.name) is None}
    return replace(own, **unset)


def _resources(pod: ComponentPodConfig) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if pod.cpu is not None:
        text, number = as_text(pod.cpu), cores("cpu", pod.cpu)
        asked |= {"cpuLimit": number, "cpuRequest": number, "resourceCpuLimit": text, "resourceCpuRequest": text}
    if pod.memory is not None:
        text, number = as_text(pod.memory), memory_bytes("memory", pod.memory) / BYTES_PER_GB
        asked |= {"memoryLimit": number, "memoryRequest": number}
        asked |= {"resourceMemoryLimit": text, "resourceMemoryRequest": text}
    if pod.accelerator is not None:
        count = str(pod.count or 1)  # a 64-bit number is text in protobuf's JSON
        asked["accelerator"] = {
            "type": pod.accelerator,
            "count": count,
            "resourceType": pod.accelerator,
            "resourceCount": count,
        }
    return asked
