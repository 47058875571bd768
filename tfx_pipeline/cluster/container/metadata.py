"""What artifacts say of themselves, as numbers and text that each cluster hands on unchanged.

Open-source Kubeflow (backend/src/v2/metadata/converter.go) fails on null, turns true into 1, wraps a list as
{"list": [...]} and an object as {"struct": {...}}; every cluster turns a whole number into a double. So what is neither
text nor a number that a double holds is written as text: `json:` and its JSON.
"""

from __future__ import annotations

import json
import math
from typing import Any

MARK = "json:"
EXACT = 2**53  # up to here a double holds each whole number
WRAPPED = {"list": list, "struct": dict}  # Kubeflow's names for what it wraps


def to_wire(value: Any) -> str | int | float:
    """Returns a JSON value as text or number; `from_wire` gives it back."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and (abs(value) <= EXACT if isinstance(value, int) else math.isfinite(value)):
        return value
    if isinstance(value, str) and not value.startswith(MARK):
        return value
    return MARK + json.dumps(value, ensure_ascii=False, sort_keys=True)


def from_wire(value: Any) -> Any:
    """Returns the JSON value that a cluster handed on, also where another program than ours wrote it."""
    if isinstance(value, str) and value.startswith(MARK):
        try:
            return json.loads(value.removeprefix(MARK))
        except ValueError:
            return value
    if isinstance(value, dict) and len(value) == 1:
        ((name, inside),) = value.items()
        if name in WRAPPED and isinstance(inside, WRAPPED[name]):
            return inside
    return value
