"""What Kubeflow or Vertex AI would refuse of a config, said before anything is compiled or sent."""

from __future__ import annotations

import re
import typing
from typing import Literal

from tfx_pipeline.settings.accelerators import (
    KUBERNETES_ACCELERATORS,
    VERTEX_ACCELERATORS,
    is_kubernetes_accelerator,
    is_vertex_accelerator,
)
from tfx_pipeline.settings.cluster_config import ClusterConfig, PodConfig

Platform = Literal["kubeflow", "vertex"]
KUBEFLOW_ROOTS = ("gs://", "s3://", "minio://")  # backend/src/v2/objectstore/config.go
NO_TENSORFLOW = ("s3://", "minio://")  # carried by Kubeflow's launcher; TensorFlow's file system has neither
_NAMES = {  # kubeflow/pipelines' apiserver/common/utils.go; google-cloud-aiplatform, less the time behind the name
    "kubeflow": (re.compile(r"[a-z0-9][a-z0-9-]{0,127}"), "Kubeflow takes 128 characters at most"),
    "vertex": (re.compile(r"[a-z][-a-z0-9]{0,111}"), "Vertex AI takes 112 characters at most, the first a letter"),
}
_KUBEFLOW_ONLY = ("secrets", "volumes", "image_pull_secrets")
_KUBEFLOW_ONLY_OF_PODS = ("node_selector", "tolerations")


def as_platform(name: str) -> Platform:
    """Returns a platform by the name that a user wrote; raises ValueError for what is none."""
    for known in typing.get_args(Platform):
        if name == known:
            return known
    raise ValueError(f"--platform is {name!r}; it must be one of {', '.join(typing.get_args(Platform))}")


def check_name(name: str, platform: Platform) -> None:
    """Raise ValueError where a platform would refuse a pipeline of this name."""
    pattern, limits = _NAMES[platform]
    if not pattern.fullmatch(name):
        raise ValueError(f"name is {name!r}; {limits}")


def check_platform(config: ClusterConfig, platform: Platform) -> None:
    """Raise ValueError, naming the field, where a platform has no such accelerator or cannot do what is asked."""
    for name, pod in config.pods():
        if pod.accelerator is not None:
            _check_accelerator(f"cluster.{name}.accelerator", pod.accelerator, platform)
    if platform != "vertex":
        return
    pods: list[tuple[str, PodConfig]] = [("default", config.default), *config.pods()]
    asked = [f"cluster.{name}" for name in _KUBEFLOW_ONLY if getattr(config, name)]
    asked += [f"cluster.{name}.{key}" for name, pod in pods for key in _KUBEFLOW_ONLY_OF_PODS if getattr(pod, key)]
    if asked:
        raise ValueError(f"{asked[0]} is set, which Vertex AI cannot do; leave it out, or compile for kubeflow")


def check_root(root: str, platform: Platform, said: str) -> None:
    """Raise ValueError where a platform keeps no artifacts in such a place; `said` names the root and its value."""
    if platform == "vertex" and not root.startswith("gs://"):
        raise ValueError(f"{said}, and Vertex AI keeps artifacts in gs:// alone; give --root gs://BUCKET/FOLDER")
    if platform == "kubeflow" and "://" in root and not root.startswith(KUBEFLOW_ROOTS):
        raise ValueError(f"{said}, and Kubeflow keeps artifacts in {', '.join(KUBEFLOW_ROOTS)}; give one of these")


def state_folder(root: str, state: str | None, said: str) -> str:
    """Return the folder for what TensorFlow itself writes between tasks: checkpoints and pushed models.

    Args:
      root: folder or bucket for artifacts.
      state: `cluster.state`.
      said: how a message names the root and its value.

    Raises:
      ValueError: where TensorFlow writes to no such root, and no state is set.
    """
    if state is not None:
        return state.rstrip("/")
    if root.startswith(NO_TENSORFLOW):
        raise ValueError(
            f"{said}, where TensorFlow can write neither checkpoints nor pushed models; set cluster.state to a gs:// "
            "address, or to a folder that cluster.volumes mounts"
        )
    return root.rstrip("/")


def _check_accelerator(name: str, accelerator: str, platform: Platform) -> None:
    if platform == "vertex" and not is_vertex_accelerator(accelerator):
        raise ValueError(
            f"{name} is {accelerator!r}, a resource of Kubernetes nodes; Vertex AI has {', '.join(VERTEX_ACCELERATORS)}"
        )
    if platform == "kubeflow" and not is_kubernetes_accelerator(accelerator):
        raise ValueError(
            f"{name} is {accelerator!r}, which Vertex AI has; on Kubeflow give the resource that nodes offer, such as "
            f"{', '.join(KUBERNETES_ACCELERATORS)}"
        )
