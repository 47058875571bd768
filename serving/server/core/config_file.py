"""TensorFlow Serving's ModelServerConfig: which models, from which folders, in which versions.

Its file is a text proto, as config/model_server_config.proto has it:

    model_config_list {
      config {
        name: "align" base_path: "/models/align" model_platform: "tensorflow"
        model_version_policy { specific { versions: 1 versions: 2 } }
        version_labels { key: "stable" value: 1 }
      }
    }
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.server.refusal import Refusal

PLATFORM = "tensorflow"  # the only model_platform that there is
_TYPE_TENSORFLOW = 1  # ModelConfig.model_type, deprecated: what model_platform says since
_LIST = "model_config_list"
_log = logging.getLogger(__name__)


def one_model(name: str, base: Path) -> Any:
    """Returns the ModelServerConfig of one model, its newest version, under `base`."""
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(name=name, base_path=str(base.absolute()), model_platform=PLATFORM)
    return config


def read_config(path: Path) -> Any:
    """Read and check a file with a ModelServerConfig as text.

    Raises:
      ValueError: for a file that cannot be read or parsed, or a configuration that cannot be served, naming the file.
    """
    config = model_server_config_pb2.ModelServerConfig()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), config)
        check_config(config)
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    except text_format.ParseError as error:
        raise ValueError(f"{path} is no text of a ModelServerConfig: {error}") from error
    except Refusal as refusal:
        raise ValueError(f"{path}: {refusal.message}") from refusal
    return config


def check_config(config: Any) -> None:
    """Refuse what cannot be served, in the words of model_servers/server_core.cc where it refuses it too.

    Raises:
      Refusal: INVALID_ARGUMENT.
    """
    if config.WhichOneof("config") != _LIST:
        raise _invalid(
            "ServerModelConfig type not supported by HandleReloadConfigRequest."
            " Only ModelConfigList is currently supported"
        )
    names = set()
    for model in config.model_config_list.config:
        if model.name in names:
            raise _invalid(f"Illegal to list model {model.name} multiple times in config list")
        names.add(model.name)
    for model in config.model_config_list.config:
        if "://" in model.base_path:
            raise _invalid(
                f"model {model.name} has base_path {model.base_path}; a file names folders of this machine alone: "
                "serve an address by --model-dir, or copy it here first"
            )
        if not Path(model.base_path).is_absolute():
            raise _invalid(
                f"Expected model {model.name} to have an absolute path or URI; got base_path()={model.base_path}"
            )
        if (platform := _platform(model)) != PLATFORM:
            raise _invalid(f"Model {model.name} requests unsupported platform {platform}")
        if model.HasField("logging_config"):
            _log.warning("logging_config of model %s is ignored: requests are not recorded here", model.name)


def _platform(model: Any) -> str:
    if not model.model_type:
        if not model.model_platform:
            raise _invalid(
                "Illegal setting neither ModelServerConfig::model_type (deprecated) "
                f"nor ModelServerConfig::model_platform, model name is {model.name}"
            )
        return str(model.model_platform)
    if model.model_platform:
        raise _invalid(
            "Illegal setting both ModelServerConfig::model_type (deprecated) "
            f"and ModelServerConfig::model_platform, model name is {model.name}"
        )
    if model.model_type != _TYPE_TENSORFLOW:
        raise _invalid(f"ModelServerConfig::model_type choice {model.model_type} not supported.")
    return PLATFORM


def _invalid(message: str) -> Refusal:
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)
