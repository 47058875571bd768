"""TFX's artifacts from what a cluster says of them, and what the cluster is told of those that were made.

A cluster's own type of an artifact is not looked at: open-source Kubeflow says system.Artifact, or nothing. Its Python
class is the one that the component's description names.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2
from tfx.types import Artifact
from tfx.types.artifact import CUSTOM_PROPERTIES_PREFIX

from tfx_pipeline.cluster.container.carrier import Carrier
from tfx_pipeline.cluster.container.metadata import from_wire, to_wire
from tfx_pipeline.cluster.container.task import TaskError

KINDS_OF_2_0 = {"stringValue": str, "intValue": int, "doubleValue": float}  # of pipeline spec 2.0; int64 is text
INT64 = 2**63
ONE_VALUE = "__value__"  # under which TFX keeps a JSON value that is no object


class Artifacts:
    """The artifacts of one task, with numbers by which executors tell them apart, as from ML Metadata locally."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._names: dict[int, str] = {}

    def read(self, kind: type[Artifact], described: Mapping[str, Any]) -> Artifact:
        """Returns an artifact as an executor takes it.

        Args:
          kind: its class.
          described: {"name": ..., "uri": ..., "metadata": {...}}; "type" is not looked at.

        Raises:
          TaskError: where the metadata is not what the class declares.
        """
        artifact = kind()
        address = described.get("uri", "")
        artifact.uri = self._carrier.path_of(address)
        artifact.id = self._number(described.get("name") or address, address)
        for key, value in _of_2_0(described.get("properties", {})).items():
            _set(artifact, key, value)
        for key, value in _of_2_0(described.get("customProperties", {})).items():
            _set_custom(artifact, key, value)
        for key, value in described.get("metadata", {}).items():
            if value is not None:
                _set(artifact, key, from_wire(value))
        artifact.set_mlmd_artifact(artifact.mlmd_artifact)  # from JSON values kept aside into the message
        return artifact

    def write(self, artifact: Artifact) -> dict[str, Any]:
        """Returns {"name": ..., "uri": ..., "metadata": {...}} of an artifact that `read` made.

        A number of another artifact of the task, such as the Evaluator's current_model_id, is its name there.
        """
        message, declared = artifact.mlmd_artifact, artifact.artifact_type.properties
        named = dict(message.properties)
        for key, value in message.custom_properties.items():
            named[CUSTOM_PROPERTIES_PREFIX + key if key in declared else key] = value
        metadata = {key: self._told(value) for key, value in sorted(named.items()) if value.WhichOneof("value")}
        address = self._carrier.address_of(artifact.uri)
        return {"name": self._names.get(artifact.id, ""), "uri": address, "metadata": metadata}

    def _number(self, name: str, address: str) -> int:
        number = int.from_bytes(hashlib.sha256(f"{name}\0{address}".encode()).digest(), "big") % INT64
        self._names[number] = name
        return number

    def _told(self, value: metadata_store_pb2.Value) -> str | int | float:
        content = _content(value)
        if isinstance(content, str):
            content = self._carrier.address_of(content)
        elif isinstance(content, int):
            content = self._names.get(content, content)
        return to_wire(content)


def _of_2_0(properties: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {key: KINDS_OF_2_0[kind](content) for key, value in properties.items() for kind, content in value.items()}


def _set(artifact: Artifact, key: str, value: Any) -> None:
    """Set a property that the artifact's type declares, else a custom one."""
    declared = artifact.artifact_type.properties
    if key not in declared:
        name = key.removeprefix(CUSTOM_PROPERTIES_PREFIX)
        _set_custom(artifact, name if name in declared else key, value)
        return
    try:
        if declared[key] == metadata_store_pb2.INT:
            value = _whole(value)
        elif declared[key] == metadata_store_pb2.DOUBLE:
            value = float(value)
        setattr(artifact, key, value)
    except (TypeError, ValueError) as error:
        raise TaskError(
            f"the metadata of {artifact.uri} has {key} = {value!r}, which is no value of {artifact.type_name}'s "
            "property; was it written by another version of this project?"
        ) from error


def _set_custom(artifact: Artifact, key: str, value: Any) -> None:
    if isinstance(value, bool):
        artifact.set_bool_custom_property(key, value)
    elif isinstance(value, str):
        artifact.set_string_custom_property(key, value)
    elif isinstance(value, int) and float(value) != value:  # a double has fewer digits
        artifact.set_int_custom_property(key, value)
    elif isinstance(value, float) and not math.isfinite(value):
        artifact.set_float_custom_property(key, value)
    elif isinstance(value, int | float):
        artifact.set_json_value_custom_property(key, float(value))  # which TFX reads as an int and as a float
    else:
        artifact.set_json_value_custom_property(key, value)


def _whole(value: Any) -> int:
    whole = int(value)
    if not isinstance(value, str) and whole != value:
        raise ValueError(f"{value!r} is no whole number")
    return whole


def _content(value: metadata_store_pb2.Value) -> Any:
    kind = value.WhichOneof("value")
    if kind == "proto_value":
        raise TaskError(f"an artifact's property holds a {value.proto_value.TypeName()}; say it in JSON")
    if kind == "struct_value":
        content = json_format.MessageToDict(value.struct_value)
        return content.get(ONE_VALUE, content)
    return getattr(value, kind)
