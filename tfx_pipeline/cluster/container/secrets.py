"""A Secret that the cluster lacks, said by the first container: Kubernetes itself would let the pod wait for good.

Pods are started without their Secrets too, and told which they should see.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from tfx_pipeline.settings.cluster_config import SecretConfig

VARIABLE = "ALIGN_SECRETS"  # which Secrets a container should see, as JSON


def told(secrets: Mapping[str, SecretConfig]) -> str:
    """Returns the variable's value."""
    return json.dumps({name: {"env": dict(one.env), "folder": one.folder} for name, one in secrets.items()})


def missing_secret(environment: Mapping[str, str]) -> str | None:
    """Return one sentence on the first Secret, or key of one, that a container should see and does not; None else.

    Args:
      environment: the container's.
    """
    for name, seen in json.loads(environment.get(VARIABLE, "{}")).items():
        for variable, key in seen["env"].items():
            if variable not in environment:
                return (
                    f"cluster.secrets.{name}: the Secret {name!r} is not in the run's namespace, or has no key {key!r} "
                    f"for {variable}; make it by kubectl create secret generic {name} --from-literal={key}=..."
                )
        if seen["folder"] is not None and not _has_files(seen["folder"]):
            return (
                f"cluster.secrets.{name}: the Secret {name!r} is not in the run's namespace, or is empty, and so is "
                f"{seen['folder']}; make it by kubectl create secret generic {name} --from-file=..."
            )
    return None


def _has_files(folder: str) -> bool:
    return os.path.isdir(folder) and any(os.scandir(folder))
