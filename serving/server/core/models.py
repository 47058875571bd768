"""The models that a server answers for: which versions are loaded, and which one a request gets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from serving.server.core.servable import Servable
from serving.server.core.spec import ModelSpec
from serving.server.core.status import State, VersionStatus
from serving.server.core.version import Version
from serving.server.refusal import Refusal
from serving.versions import complete_versions


class ServedModels:
    """The loaded versions of the models of a ModelServerConfig.

    Attributes:
      is_ready: whether every configured model has a version that answers.

    Examples:
      >>> from serving.server.core.config_file import one_model
      >>> models = ServedModels(one_model("align", Path("output/align-demo/serving_models/align")))
      >>> models.start()
      >>> with models.use(ModelSpec("align")) as version:
      ...     print(version.version)
      1
      >>> models.close()
    """

    def __init__(self, config: Any) -> None:
        """Take the models of a ModelServerConfig; nothing is loaded before `start`."""
        self._config = config
        self._loaded: dict[str, dict[int, Version]] = {}

    @property
    def is_ready(self) -> bool:
        return all(self._loaded.get(name) for name in self.names())

    def start(self) -> None:
        """Load what is there; returns when every model was tried.

        Raises:
          ValueError: when a model has no complete version, or the highest one does not load.
        """
        for model in self._config.model_config_list.config:
            versions = complete_versions(Path(model.base_path))
            if not versions:
                raise ValueError(
                    f"{model.base_path} holds no complete model version; push one to {model.base_path}/<number>/ first"
                )
            latest = max(versions)
            self._loaded[model.name] = {latest: Version(model.name, latest, Servable(versions[latest]))}

    def close(self) -> None:
        """Unload everything, after the requests in work."""
        self._loaded = {}

    def names(self) -> list[str]:
        """Returns the names of the configured models."""
        return [model.name for model in self._config.model_config_list.config]

    @contextmanager
    def use(self, spec: ModelSpec) -> Iterator[Version]:
        """Hold the version that a request asks for against unloading.

        Raises:
          Refusal: NOT_FOUND in TensorFlow Serving's words; INVALID_ARGUMENT for a label that is none.
        """
        if spec.label is not None:
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"Unrecognized servable version label: {spec.label}")
        loaded = self._loaded.get(spec.name, {})
        chosen = max(loaded, default=None) if spec.version is None else spec.version
        if chosen not in loaded:
            wanted = f"Latest({spec.name})" if spec.version is None else f"Specific({spec.name}, {spec.version})"
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
        yield loaded[chosen]

    def statuses(self, spec: ModelSpec) -> list[VersionStatus]:
        """Returns the states of one version, or of every version, ascending; raises Refusal with NOT_FOUND."""
        known = sorted(self._loaded.get(spec.name, {}))
        if spec.version is not None and spec.version not in known:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Could not find version {spec.version} of model {spec.name}")
        if not known:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {spec.name}")
        return [VersionStatus(version, State.AVAILABLE) for version in known if spec.version in (None, version)]

    def reload(self, config: Any) -> None:
        """Serve another ModelServerConfig; returns when its new models are loaded, or raises Refusal."""
        raise Refusal(grpc.StatusCode.UNIMPLEMENTED, "the configuration cannot be reloaded yet")
