"""The model that was pushed last, which servers, queries and indices take unless another is named."""

from __future__ import annotations

from pathlib import Path

from serving.versions import complete_versions
from tfx_pipeline.runs.folders import PUSHED_MODELS
from tfx_pipeline.settings.config import ConfigError


def pushed_model(root: Path) -> tuple[int, Path]:
    """Returns version and folder of the newest pushed model.

    Raises:
      ConfigError: when none was pushed.
    """
    base = root / PUSHED_MODELS
    versions = complete_versions(base)
    if not versions:
        raise ConfigError(
            f"no model has been pushed to {base}: none was trained yet (`align run`) or none was blessed "
            "(`align report` says which threshold it missed)"
        )
    return max(versions), versions[max(versions)]
