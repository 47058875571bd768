"""What a run on a cluster may be given where it is started: some settings of training; a config has their defaults."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from components.trainer.executor import OF_A_RUN
from models.training_config import TrainingConfig

_EXPONENT = re.compile(r'("defaultValue": )(-?\d+(?:\.\d+)?e-?\d+)')
PREFIX = "training_"  # before a setting's name in a run's parameters


def parameter_values(training: TrainingConfig) -> dict[str, Any]:
    """Returns the run's parameters -> the values that a config sets."""
    return {f"{PREFIX}{name}": getattr(training, name) for name in OF_A_RUN}


def with_defaults(spec: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a compiled pipeline whose parameters may be left out; TFX's compiler drops their defaults."""
    spec = copy.deepcopy(spec)
    for name, value in values.items():
        spec["root"]["inputDefinitions"]["parameters"][name] |= {"defaultValue": value, "isOptional": True}
    return spec


def without_exponents(text: str) -> str:
    """Return a compiled pipeline's JSON with defaults such as 0.00001.

    Google's client reads JSON as YAML, to which 1e-05 is a text.
    """
    return _EXPONENT.sub(lambda found: f"{found[1]}{Decimal(found[2]):f}", text)
