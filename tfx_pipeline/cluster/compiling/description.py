"""What a component takes and makes, as its container is told: the clusters' own artifact types are not ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types import BaseChannel

NUMBERS = {bool: "int", int: "int", float: "float"}  # TFX hands a bool over as 0 or 1; all else travels as text


def component_description(component: BaseComponent) -> dict[str, dict[str, str]]:
    """Describe a component by its specification and by what is wired to it.

    Returns:
      {"inputs": {key: "module.Class"}, "outputs": {key: "module.Class"}, "parameters": {name: KIND}} with KIND one of
      "str", "int", "float"; an input is such as "examples": "tfx.types.standard_artifacts.Examples". Inputs that
      nothing is wired to and parameters that are not set are left out.
    """
    declared = component.spec.PARAMETERS
    return {
        "inputs": _types(component.inputs),
        "outputs": _types(component.outputs),
        "parameters": {
            name: NUMBERS.get(declared[name].type, "str")
            for name, value in component.exec_properties.items()
            if value is not None
        },
    }


def _types(channels: Mapping[str, BaseChannel]) -> dict[str, str]:
    return {key: _path(channel.type) for key, channel in channels.items()}


def _path(kind: type[Any]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
