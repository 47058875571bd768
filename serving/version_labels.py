"""The model config file in which labels stand, such as `stable` and `canary`: what `align label` writes.

It is TensorFlow Serving's own text form of a ModelServerConfig, for --model_config_file:

    model_config_list {
      config {
        name: "align" base_path: "/models/align" model_platform: "tensorflow"
        model_version_policy { specific { versions: 3 versions: 4 } }
        version_labels { key: "stable" value: 3 }
        version_labels { key: "canary" value: 4 }
      }
    }

A server loads the versions that are listed, and without a file the newest. When the file changes, TensorFlow Serving
moves the labels first and loads versions after that (ServerCore::ReloadConfig in model_servers/server_core.cc). A label
that moves to a version which is not loaded yet has it refuse the whole file, at each look, and load nothing. So a new
version gets a label of its own first, such as canary. The version that a label leaves stays listed, for the way back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.server.core.config_file import one_model, read_config
from serving.signatures import MODEL_NAME

CONFIG_FILE = "models.config"  # beside the pushed folder
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def read_labels(path: Path) -> dict[str, int]:
    """Returns label -> version of the file, sorted by version; {} where there is none.

    Raises:
      ValueError: for a file that is no configuration of one model.
    """
    labels = _model(path).version_labels if path.is_file() else {}
    return dict(sorted(labels.items(), key=lambda item: (item[1], item[0])))


def listed_versions(path: Path) -> list[int]:
    """Returns the versions that the file has servers load; [] where it leaves that to the folder, or is not there."""
    return list(_model(path).model_version_policy.specific.versions) if path.is_file() else []


def with_labels(path: Path, base: Path, labels: Mapping[str, int], base_path: str | None = None) -> str:
    """Returns the file's new text; all of it but labels and versions stays.

    Args:
      path: of the file, which need not be there.
      base: the pushed folder, for a new file.
      labels: label -> version, all that there are to be.
      base_path: how servers call the pushed folder, such as /models/align in a container; None leaves it.

    Raises:
      ValueError: for a label that is no name, or that moves to where no server could follow; for a path that is not
        whole; for a file of another form.
    """
    before, listed = read_labels(path), listed_versions(path)
    for label, version in labels.items():
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{label!r} is no label; write a letter, then letters, digits, '_', '.' and '-'")
        if label in before and before[label] != version and version not in listed:
            raise ValueError(
                f"{label} would move to version {version}, which servers have not loaded, so that they would refuse "
                f"the file; first give that version a label of its own, such as canary={version}"
            )
    if base_path is not None and not base_path.startswith("/"):
        raise ValueError(f"--base-path is {base_path!r}; give the whole path that servers see, such as /models/align")
    config = model_server_config_pb2.ModelServerConfig()
    model = config.model_config_list.config.add()
    model.CopyFrom(_model(path) if path.is_file() else one_model(MODEL_NAME, base).model_config_list.config[0])
    model.base_path = base_path or model.base_path
    model.version_labels.clear()
    model.version_labels.update(labels)
    model.ClearField("model_version_policy")
    if labels:
        left = {before[label] for label in before if label in labels}
        model.model_version_policy.specific.versions.extend(sorted({*labels.values(), *left}))
    return text_format.MessageToString(config)


def _model(path: Path) -> Any:
    models = read_config(path).model_config_list.config
    if len(models) != 1:
        raise ValueError(f"{path} configures {len(models)} models; `align label` writes files of one model alone")
    return models[0]
