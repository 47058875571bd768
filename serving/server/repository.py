"""The models that a server answers for: from a pushed folder to loaded versions."""

from __future__ import annotations

from pathlib import Path

import grpc

from serving.server.refusal import Refusal
from serving.server.servable import Servable
from serving.versions import complete_versions


class ModelRepository:
    """Loaded versions of one model.

    Attributes:
      name: what requests call the model.
      base: the folder that versions are pushed to.

    Examples:
      >>> repository = ModelRepository("align", Path("output/align-demo/serving_models/align"))
      >>> repository.load_latest(), repository.versions("align")
      (1, [1])
    """

    def __init__(self, name: str, base: Path) -> None:
        self.name = name
        self.base = base
        self._loaded: dict[int, Servable] = {}

    def load_latest(self) -> int:
        """Load the highest complete version and forget every other.

        Returns:
          The version.

        Raises:
          ValueError: when no version is complete, or the highest one does not load.
        """
        versions = complete_versions(self.base)
        if not versions:
            raise ValueError(f"{self.base} holds no complete model version; push one to {self.base}/<number>/ first")
        latest = max(versions)
        self._loaded = {latest: Servable(versions[latest])}
        return latest

    def versions(self, name: str) -> list[int]:
        """Returns the loaded versions of the model called `name`, ascending; [] for a model that is not served."""
        return sorted(self._loaded) if name == self.name else []

    def find(self, name: str, version: int | None) -> tuple[int, Servable]:
        """Returns a loaded version, the highest where `version` is None, or raises Refusal with NOT_FOUND."""
        loaded = self._loaded  # one read: a later load replaces the dict as a whole
        if name == self.name and loaded:
            chosen = max(loaded) if version is None else version
            if chosen in loaded:
                return chosen, loaded[chosen]
        wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
        raise Refusal(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}")
