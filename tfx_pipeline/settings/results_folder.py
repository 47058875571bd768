"""Which folders results can lie in: TFX's stock components read their input by glob, and know no way to quote."""

from __future__ import annotations

import re

from tfx_pipeline.settings.config import ConfigError

_WILDCARD = re.compile(r"[*?\[\\]")


def check_results_folder(folder: str, said: str) -> None:
    """Raise ConfigError where a component would take part of the folder's path for a wildcard, and read elsewhere.

    Args:
      folder: its absolute path, or its address.
      said: how the message begins: the field and its value.
    """
    found = _WILDCARD.search(folder)
    if found:
        raise ConfigError(
            f"{said}, but {folder} has a {found[0]} in it, which components that read files by glob (StatisticsGen, "
            "Trainer, Evaluator) do not take for itself; name a folder whose whole path has none of * ? [ \\"
        )
