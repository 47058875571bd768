"""What only Kubernetes knows of a container, as the second document of a file for Kubeflow has it.

It is a mapping in the JSON form of KubernetesExecutorConfig, in kubeflow/pipelines'
kubernetes_platform/proto/kubernetes_executor_config.proto. Names of Secrets and claims stand in it twice, as in
what kfp-kubernetes writes; backends before 2.5 stop at the second. Secrets are optional to Kubernetes, since the first
container says which is missing (container/secrets.py) where a pod would wait for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx_pipeline.cluster.compiling.resources import containers, pod_of
from tfx_pipeline.settings.cluster_config import ClusterConfig, PodConfig, TolerationConfig


def platform_spec(spec: Mapping[str, Any], config: ClusterConfig) -> dict[str, Any] | None:
    """Return the document for Kubernetes.

    Args:
      spec: the compiled pipeline.
      config: what to ask for.

    Returns:
      `{"platforms": {"kubernetes": {"deploymentSpec": {"executors": {label: settings}}}}}`; None without any.
    """
    shared = _of_all(config)
    executors = {}
    for component_id, label in containers(spec):
        settings = {**shared, **_of_pod(pod_of(component_id, config))}
        if settings:
            executors[label] = settings
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}} if executors else None


def _of_all(config: ClusterConfig) -> dict[str, Any]:
    as_env = [
        {
            "secretName": name,
            "secretNameParameter": _constant(name),
            "keyToEnv": [{"secretKey": key, "envVar": variable} for variable, key in secret.env.items()],
            "optional": True,
        }
        for name, secret in config.secrets.items()
        if secret.env
    ]
    as_volume = [
        {
            "secretName": name,
            "secretNameParameter": _constant(name),
            "mountPath": secret.folder,
            "optional": True,
        }
        for name, secret in config.secrets.items()
        if secret.folder is not None
    ]
    claims = [
        {"constant": claim, "pvcNameParameter": _constant(claim), "mountPath": folder}
        for claim, folder in config.volumes.items()
    ]
    pulls = [{"secretName": name, "secretNameParameter": _constant(name)} for name in config.image_pull_secrets]
    settings = {"secretAsEnv": as_env, "secretAsVolume": as_volume, "pvcMount": claims, "imagePullSecret": pulls}
    return {key: value for key, value in settings.items() if value}


def _of_pod(pod: PodConfig) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if pod.node_selector:
        settings["nodeSelector"] = {"labels": dict(pod.node_selector)}
    if pod.tolerations:
        settings["tolerations"] = [_toleration(each) for each in pod.tolerations]
    return settings


def _toleration(toleration: TolerationConfig) -> dict[str, Any]:
    seconds = None if toleration.seconds is None else str(toleration.seconds)  # 64 bits are text in protobuf's JSON
    settings = {
        "key": toleration.key,
        "operator": toleration.operator,
        "value": toleration.value,
        "effect": toleration.effect,
        "tolerationSeconds": seconds,
    }
    return {key: value for key, value in settings.items() if value is not None}


def _constant(text: str) -> dict[str, Any]:
    return {"runtimeValue": {"constant": text}}
