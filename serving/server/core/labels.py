"""Names of versions, such as `stable` and `canary`, that a configuration gives and a request may ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import grpc

from serving.server.refusal import Refusal

Labels = Mapping[str, Mapping[str, int]]  # model -> label -> version


def labels_of(config: Any) -> Labels:
    """Returns what a ModelServerConfig calls its versions, loaded or not.

    At the start of a server no version is loaded yet. TensorFlow Serving refuses to start there; a request for a label
    whose version does not answer yet is refused here in its place.
    """
    return {model.name: dict(model.version_labels) for model in config.model_config_list.config}


def checked_labels(config: Any, current: Labels, is_available: Callable[[str, int], bool], lenient: bool) -> Labels:
    """Returns a new configuration's labels, checked as ServerCore::UpdateModelVersionLabelMap does.

    Args:
      config: the new ModelServerConfig.
      current: the labels until now.
      is_available: says whether a version of a model answers.
      lenient: `--allow_version_labels_for_unavailable_models`: a label that is new or stays may name any version.

    Raises:
      Refusal: FAILED_PRECONDITION for a label of a version that does not answer.
    """
    labels = labels_of(config)
    for name, versions in labels.items():
        for label, version in versions.items():
            moves = current.get(name, {}).get(label, version) != version
            if not (lenient and not moves) and not is_available(name, version):
                raise Refusal(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {name}, "
                    "which is not currently available for inference",
                )
    return labels


def version_of(labels: Labels, name: str, label: str) -> int:
    """Returns the version that a label names; raises Refusal with INVALID_ARGUMENT for one that names none."""
    version = labels.get(name, {}).get(label)
    if version is None:
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"Unrecognized servable version label: {label}")
    return version
