"""TensorFlow Serving's ModelServerConfig: which models, from which folders, in which versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorflow_serving.config import model_server_config_pb2

PLATFORM = "tensorflow"  # the only model_platform that there is


def one_model(name: str, base: Path) -> Any:
    """Returns the ModelServerConfig of one model, its newest version, under `base`."""
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=str(base.absolute()), model_platform=PLATFORM)
    return config
