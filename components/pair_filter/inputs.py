"""The keys of PairFilter's inputs: the pairs to filter, and each evaluation set under a key of its own.

One key with a union of channels would do for TFX's local runner, but its compiler for Kubeflow and Vertex takes one
channel a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

PAIRS = "unfiltered_examples"
_SET = "evaluation_examples_"
T = TypeVar("T")


def key_of_set(name: str) -> str:
    """Returns the key of the evaluation set `name`, whose hyphens an identifier cannot hold."""
    return _SET + name.replace("-", "_")


def sets_among(inputs: Mapping[str, Sequence[T]]) -> list[T]:
    """Returns the artifacts of all evaluation sets, in no order: no runner promises that of its mapping."""
    return [of for key in inputs if key.startswith(_SET) for of in inputs[key]]
