"""From the JSON of a request to what it asks for: predict in row and column form, Examples of classify and regress.

The order of the checks and their words are those of util/json_tensor.cc in tensorflow/serving.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from serving.server.refusal import Refusal, invalid_argument
from serving.server.rest import rapid_json
from serving.server.rest.arrays import BASE64, decode_base64, is_base64_object, to_array, to_bytes
from serving.server.rest.debug_text import debug_text, type_name

SIGNATURE_NAME = "signature_name"
INSTANCES, INPUTS = "instances", "inputs"
CONTEXT, EXAMPLES = "context", "examples"


@dataclass(frozen=True)
class Document:
    """A request's JSON object.

    Attributes:
      content: key -> value.
      signature_name: what it asks for, "" where it names none.
    """

    content: Mapping[str, Any]
    signature_name: str


@dataclass(frozen=True)
class Inputs:
    """The tensors of a predict request.

    Attributes:
      arrays: input name -> array.
      in_rows: whether they came as "instances", so that the answer has one row for each.
    """

    arrays: dict[str, np.ndarray]
    in_rows: bool


def parse_document(body: bytes) -> Document:
    """Returns the JSON object of a request's body.

    Raises:
      Refusal: INVALID_ARGUMENT for anything else, in RapidJSON's words.
    """
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        content = rapid_json.parse(body)
    except rapid_json.JsonError as error:
        raise invalid_argument(f"JSON Parse error: {error}") from error
    if not isinstance(content, dict):
        raise _of_format(content, "Is not object")
    name = content.get(SIGNATURE_NAME, "")
    if not isinstance(name, str):
        raise _of_format(content, "not formatted correctly. 'signature_name' key must be a string value.")
    return Document(content, name)


def read_inputs(document: Document, infos: Mapping[str, Any]) -> Inputs:
    """Returns the tensors of a predict request.

    Args:
      document: the request.
      infos: input name -> TensorInfo of the signature.

    Raises:
      Refusal: INVALID_ARGUMENT, or UNIMPLEMENTED for a dtype that JSON has no values of.
    """
    content = document.content
    if not infos:
        raise invalid_argument(f"Failed to get input map for signature: {document.signature_name or 'DEFAULT'}")
    if INSTANCES in content:
        instances = content[INSTANCES]
        if INPUTS in content:
            raise _of_format(
                content, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
            )
        if not isinstance(instances, list):
            raise _of_format(content, "Expecting 'instances' to be an list/array")
        if not instances:
            raise _of_format(content, "No values in 'instances' array")
        return Inputs(_from_instances(instances, infos), in_rows=True)
    if INPUTS in content:
        return Inputs(_from_inputs(content[INPUTS], infos), in_rows=False)
    raise invalid_argument("Missing 'inputs' or 'instances' key")


def read_examples(document: Document) -> tuple[list[Any], Any | None]:
    """Returns the tf.train.Examples of a classify or regress request, and the context that it gives them, or None."""
    content = document.content
    context = _example(content[CONTEXT]) if CONTEXT in content else None
    if EXAMPLES not in content:
        raise _of_format(content, "When method is classify, key 'examples' is expected and was not found")
    examples = content[EXAMPLES]
    if not isinstance(examples, list):
        raise _of_format(content, "Expecting 'examples' value to be an list/array")
    if not examples:
        raise _of_format(content, "'examples' value is an empty array")
    return [_example(example) for example in examples], context


def _from_instances(instances: list[Any], infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not _is_row(instances[0]) and len(infos) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    if not _is_row(instances[0]):
        name = min(infos)
        dtype = tf.as_dtype(infos[name].dtype)
        if not any(map(_is_row, instances)):
            try:
                return {name: to_array(instances, dtype)}
            except Refusal:
                pass  # said again below, about one instance
        rows = _Rows(infos)
        for position, instance in enumerate(instances):
            if _is_row(instance):
                raise invalid_argument(f"Expecting value/list but got object at item {position} of input list")
            try:
                rows.add(name, instance)
            except Refusal as refusal:
                raise invalid_argument(
                    f"Failed to process element: {position} of 'instances' list. Error: {_status(refusal)}"
                ) from refusal
        return rows.arrays()
    return _from_rows(instances, infos)


def _from_rows(instances: list[Any], infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns the arrays of instances that are objects, one key for each input."""
    names = sorted(infos)
    if all(_is_row(instance) and infos.keys() == instance.keys() for instance in instances):
        try:
            return {
                name: to_array([instance[name] for instance in instances], tf.as_dtype(infos[name].dtype))
                for name in names
            }
        except Refusal:
            pass  # said again below, about one instance
    rows = _Rows(infos)
    for position, instance in enumerate(instances):
        if not _is_row(instance):
            raise invalid_argument(f"Expecting object but got list at item {position} of input list")
        for name, value in instance.items():
            try:
                rows.add(name, value)
            except Refusal as refusal:
                raise invalid_argument(
                    f"Failed to process element: {position} key: {name} of 'instances' list. Error: {_status(refusal)}"
                ) from refusal
        if set(names) != set(instance):
            raise invalid_argument(
                f"Failed to process element: {position} of 'instances' list. JSON object: {debug_text(instance)} "
                f"keys must be equal to: {','.join(names)}"
            )
    return rows.arrays()


class _Rows:
    """Collects instances one by one; each input's values must have one shape."""

    def __init__(self, infos: Mapping[str, Any]) -> None:
        self._infos = infos
        self._rows: dict[str, list[np.ndarray]] = {}

    def add(self, name: str, value: Any) -> None:
        if name not in self._infos:
            raise invalid_argument(f"JSON object: does not have named input: {name}")
        array = to_array(value, tf.as_dtype(self._infos[name].dtype))
        rows = self._rows.setdefault(name, [])
        if rows and rows[0].size != array.size:
            raise invalid_argument(f"Expecting tensor size: {rows[0].size} but got: {array.size}")
        if rows and rows[0].shape != array.shape:
            raise invalid_argument(f"Expecting shape {_shape(rows[0])} but got: {_shape(array)}")
        rows.append(array)

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: np.stack(rows) for name, rows in self._rows.items()}


def _from_inputs(inputs: Any, infos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not _is_row(inputs):
        if len(infos) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        (name,) = infos
        return {name: to_array(inputs, tf.as_dtype(infos[name].dtype))}
    arrays = {}
    for name in sorted(infos):
        if name not in inputs:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        arrays[name] = to_array(inputs[name], tf.as_dtype(infos[name].dtype))
    return arrays


def _example(value: Any) -> Any:
    if not isinstance(value, dict):
        raise invalid_argument(f"Example must be JSON object but got JSON {type_name(value)}")
    example = tf.train.Example()
    for name, content in value.items():
        if not name.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in name):
            raise invalid_argument(f"Feature: {debug_text(name)} has a name that is not UTF-8")
        feature = tf.train.Feature()
        for item in content if isinstance(content, list) else [content]:
            _add_to_feature(item, name, feature)
        example.features.feature[name].CopyFrom(feature)
    return example


_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def _add_to_feature(value: Any, name: str, feature: Any) -> None:
    if isinstance(value, str) or is_base64_object(value):
        kind = "bytes_list"
    elif isinstance(value, float):
        kind = "float_list"
    elif isinstance(value, int):
        kind = "int64_list"
    else:
        raise invalid_argument(f"Feature: {name} has element with unexpected JSON type: {type_name(value)}")
    taken = feature.WhichOneof("kind")
    if taken not in (None, kind):
        raise invalid_argument(f"Unexpected element type in feature: {name} expecting type: {_KINDS[taken]}")
    if kind == "int64_list" and value > 2**63 - 1:
        raise invalid_argument(f"Feature: {name} has uint64_t element. Only int64_t is supported.")
    if kind == "float_list":
        with np.errstate(over="ignore"):
            value = float(np.float64(value).astype(np.float32))
    elif kind == "bytes_list":
        value = to_bytes(value) if isinstance(value, str) else decode_base64(value[BASE64])
    getattr(feature, kind).value.append(value)


def _is_row(value: Any) -> bool:
    """Says whether a JSON value names inputs; {"b64": ...} is a value."""
    return isinstance(value, dict) and not is_base64_object(value)


def _shape(array: np.ndarray) -> str:
    return f"[{','.join(map(str, array.shape))}]"


def _status(refusal: Refusal) -> str:
    """Returns a Refusal as absl::Status::ToString does."""
    return f"{refusal.code.name}: {refusal.message}"


def _of_format(content: Any, what: str) -> Refusal:
    return invalid_argument(f"JSON Value: {debug_text(content)} {what}")
