"""BaselineModel as TFX runs it: a candidate model and the folder of pushed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfx.types import Artifact, artifact_utils
from tfx.utils import path_utils

from components.evaluator.stored.pushed import last_before
from components.lookup import LookupExecutor

CANDIDATE, PUSHED_MODELS = "candidate", "pushed_models"


class Executor(LookupExecutor):
    """Writes the folder of the version to compare with, or nothing."""

    @staticmethod
    def look_up(inputs: Mapping[str, Sequence[Artifact]], properties: Mapping[str, Any]) -> str:
        """Returns the last version before "candidate", a Model, in the folder "pushed_models"."""
        candidate = artifact_utils.get_single_uri(list(inputs[CANDIDATE]))
        return last_before(path_utils.serving_model_path(candidate), properties[PUSHED_MODELS])
