"""What a cluster gives the pipeline's containers: the `cluster` section of a config, for Kubeflow and Vertex AI."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

from components.config_fields import refuse_other_choices
from tfx_pipeline.settings.accelerators import check_accelerator
from tfx_pipeline.settings.quantities import cores, memory_bytes

Effect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")  # RFC 1123, as Kubernetes names volumes
_SUBDOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")  # RFC 1123, as Kubernetes names Secrets


@dataclass(frozen=True)
class TolerationConfig:
    """A taint of nodes that pods put up with, as Kubernetes has it.

    Attributes:
      key: the taint's; null is any.
      operator: "Equal" wants the taint's value, "Exists" takes any.
      value: the taint's, with "Equal".
      effect: the taint's; null is any.
      seconds: how long a pod stays on a node that is tainted with "NoExecute"; null is for good. [seconds; ours]
    """

    key: str | None = None
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str | None = None
    effect: Effect | None = None
    seconds: int | None = None

    def __post_init__(self) -> None:
        refuse_other_choices(self)
        if self.key is None and self.operator == "Equal":
            raise ValueError('key is null, which is any key; set operator to "Exists", or key to the taint\'s')
        if self.value is not None and self.operator == "Exists":
            raise ValueError(f'value is {self.value!r}, but operator is "Exists", which takes any; leave value out')
        if self.seconds is not None and self.effect != "NoExecute":
            raise ValueError(f'seconds is {self.seconds}, which holds for the effect "NoExecute" alone; leave it out')


@dataclass(frozen=True)
class PodConfig:
    """What each container gets, and on which nodes it runs.

    Attributes:
      cpu: processors that a container is sure of, and may take at most; null leaves it to the platform. A number, or
        thousandths such as "500m". [cores; ours]
      memory: memory, in the same way, such as "8Gi". [an amount with its unit; ours]
      node_selector: labels of the nodes that may run it; Kubeflow only.
      tolerations: taints of nodes that it puts up with; Kubeflow only.
    """

    cpu: float | str | None = None
    memory: int | str | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[TolerationConfig, ...] | None = None

    def __post_init__(self) -> None:
        if self.cpu is not None:
            cores("cpu", self.cpu)
        if self.memory is not None:
            memory_bytes("memory", self.memory)


@dataclass(frozen=True)
class ComponentPodConfig(PodConfig):
    """What a component's container gets; a field that is null takes that of `cluster.default`.

    Attributes:
      accelerator: on Vertex AI its name for one, such as NVIDIA_L4; on Kubeflow the resource that nodes offer, such as
        nvidia.com/gpu.
      count: how many; null is one. [accelerators; ours]
    """

    accelerator: str | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.accelerator is not None:
            check_accelerator("accelerator", self.accelerator)
        if self.count is not None and self.accelerator is None:
            raise ValueError(f"count is {self.count}, but accelerator is null; set it, or leave count out")
        if self.count is not None and self.count < 1:
            raise ValueError(f"count is {self.count}; it must be 1 or more")


@dataclass(frozen=True)
class SecretConfig:
    """How containers see a Secret that exists in the cluster's namespace.

    Attributes:
      env: environment variable -> key in the Secret.
      folder: where its keys are files.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    folder: str | None = None

    def __post_init__(self) -> None:
        if not self.env and self.folder is None:
            raise ValueError("env is empty and folder is null; set one of them, so that containers see the Secret")
        _check_variables("env", self.env)
        for variable, key in self.env.items():
            if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key):
                raise ValueError(f"env.{variable} is {key!r}; a Secret's keys are letters, digits, '-', '_' and '.'")
        _check_folder("folder", self.folder)


@dataclass(frozen=True)
class ClusterConfig:
    """What a cluster gives the containers of `align compile` and `align submit`; runs on this machine ignore it.

    Attributes:
      default: what every container gets where its own section says nothing.
      ingest: of PairExampleGen and of the evaluation sets.
      statistics, filter, vocabulary, trainer, evaluator, serving_validator: of StatisticsGen, PairFilter, Vocabulary,
        Trainer, Evaluator, ServingValidator; the last is that of the Exporter too.
      env: environment variables of all containers; they can be read by whoever sees the run.
      secrets: a Secret's name -> how containers see it; Kubeflow only.
      volumes: name of a persistent volume claim -> folder where containers find it; Kubeflow only.
      image_pull_secrets: names of Secrets by which the image may be fetched; Kubeflow only.
      retries: how often a failed task starts again, first after a minute; null leaves it to the platform. [times; ours]
      service_account: the account of the run, which `align submit` sends; null is the platform's own.
      state: folder for checkpoints and pushed models, a gs:// address or a folder that is mounted; null is the root.
        A root of s3:// or minio:// needs one, since TensorFlow writes neither.
    """

    default: PodConfig = field(default_factory=PodConfig)
    ingest: ComponentPodConfig = field(default_factory=ComponentPodConfig)
    statistics: ComponentPodConfig = field(default_factory=ComponentPodConfig)
    filter: ComponentPodConfig = field(default_factory=ComponentPodConfig)
    vocabulary: ComponentPodConfig = field(default_factory=ComponentPodConfig)
    trainer: ComponentPodConfig = field(default_factory=ComponentPodConfig)
    evaluator: ComponentPodConfig = field(default_factory=ComponentPodConfig)
    serving_validator: ComponentPodConfig = field(default_factory=ComponentPodConfig)
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, SecretConfig] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    image_pull_secrets: tuple[str, ...] = ()
    retries: int | None = None
    service_account: str | None = None
    state: str | None = None

    def __post_init__(self) -> None:
        _check_variables("cluster.env", self.env)
        if self.retries is not None and not 0 <= self.retries <= 100:
            raise ValueError(f"cluster.retries is {self.retries}; it must be between 0 and 100")
        for name in (*self.secrets, *self.image_pull_secrets):
            if not _SUBDOMAIN.fullmatch(name):
                raise ValueError(f"cluster names a Secret {name!r}; Kubernetes allows a-z, 0-9, '-' and '.' in it")
        for claim, folder in self.volumes.items():
            _check_folder(f"cluster.volumes.{claim}", folder)
        mounted = [name for name, secret in self.secrets.items() if secret.folder is not None]
        for name in (*mounted, *self.volumes):
            if not _LABEL.fullmatch(name):
                raise ValueError(f"cluster mounts {name!r}; Kubernetes allows 63 of a-z, 0-9 and '-' in such a name")
        _refuse_twice("names", (*mounted, *self.volumes), "give one of them another name")
        folders = (secret.folder for secret in self.secrets.values() if secret.folder is not None)
        _refuse_twice("mounts", (*folders, *self.volumes.values()), "each needs a folder of its own")
        variables = (variable for secret in self.secrets.values() for variable in secret.env)
        _refuse_twice("sets", (*self.env, *variables), "set the variable once")
        if self.state is not None and not _is_mounted_or_gs(self.state):
            raise ValueError(
                f"cluster.state is {self.state!r}; give a gs:// address or the whole path of a folder that is mounted"
            )

    def pods(self) -> Iterator[tuple[str, ComponentPodConfig]]:
        """Yield (field's name, its pods) of each component."""
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, ComponentPodConfig):
                yield each.name, value


def _check_variables(name: str, variables: Iterable[str]) -> None:
    for variable in variables:
        if not _VARIABLE.fullmatch(variable):
            raise ValueError(f"{name} has {variable!r}; a variable's name is letters, digits and '_', no digit first")


def _check_folder(name: str, folder: str | None) -> None:
    if folder is not None and (not re.fullmatch(r"/[^:]*[^:/]", folder) or ".." in folder.split("/")):
        raise ValueError(f"{name} is {folder!r}; give the whole path of a folder in the container, such as /mnt/data")


def _refuse_twice(verb: str, names: Iterable[str], remedy: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"cluster {verb} {twice[0]!r} twice; {remedy}")


def _is_mounted_or_gs(place: str) -> bool:
    return place.startswith("gs://") or (place.startswith("/") and "://" not in place)
