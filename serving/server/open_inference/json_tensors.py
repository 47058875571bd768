"""Inference requests and answers over HTTP: JSON, and Triton's binary tensors behind it.

With the header Inference-Header-Content-Length the body is that many bytes of JSON, then the bytes of each input that
states its `binary_data_size`, in order; and so for the outputs of an answer that are asked for as `binary_data`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import tensorflow as tf

from serving.server.core.spec import whole_number
from serving.server.http_answer import Answer
from serving.server.open_inference.datatypes import check_shape, datatype_of, dtype_of, from_bytes, narrowed, to_bytes
from serving.server.open_inference.inference import Asked, Inferred, refuse_unsupported
from serving.server.refusal import Refusal, invalid_argument
from serving.server.rest import rapid_json
from serving.server.rest.arrays import to_array

HEADER_LENGTH = "Inference-Header-Content-Length"
BINARY_SIZE, BINARY, ALL_BINARY = "binary_data_size", "binary_data", "binary_data_output"
_HALVES = (tf.float16, tf.bfloat16)
_WIDER = {  # what JSON's numbers are read as before they become these
    **dict.fromkeys((*_HALVES, tf.float32), tf.float64),
    **dict.fromkeys((tf.int8, tf.int16, tf.uint8, tf.uint16), tf.int32),
}


@dataclass(frozen=True)
class JsonRequest:
    """An inference request as HTTP brings it.

    Attributes:
      asked: what it asks for.
      id: what it calls itself, None for nothing.
      binary: output name -> whether its answer is bytes; "" for those that it does not name.
    """

    asked: Asked
    id: str | None
    binary: Mapping[str, bool]


def read_request(model: str, version: str, body: bytes, header_length: str | None) -> JsonRequest:
    """Returns what a body asks for.

    Args:
      model, version: from the path.
      body: JSON, and bytes behind it.
      header_length: the header HEADER_LENGTH, or None.

    Raises:
      Refusal: INVALID_ARGUMENT.
    """
    length = len(body)
    if header_length is not None:
        stated = whole_number(header_length)
        if stated is None or stated > length:
            raise invalid_argument(f"{HEADER_LENGTH} is {header_length!r}; the body has {length} bytes")
        length = stated
    content, binary = _object(body[:length]), body[length:]
    parameters = _parameters(content, "the request")
    inputs: dict[str, np.ndarray] = {}
    for tensor in _list(content, "inputs", required=True):
        name = _name(tensor, "input")
        if name in inputs:
            raise invalid_argument(f"input {name} is there twice")
        inputs[name], binary = _read_input(name, tensor, binary)
    if binary:
        raise invalid_argument(f"{len(binary)} bytes are left behind the inputs")
    wants = {"": bool(parameters.get(ALL_BINARY))}
    for output in _list(content, "outputs"):
        of_output = _parameters(output, "an output")
        wants[_name(output, "output")] = bool(of_output.get(BINARY, wants[""]))
    request_id = content.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise invalid_argument("the id of a request must be a string")
    return JsonRequest(Asked(model, version, parameters, inputs, list(wants)[1:]), request_id, wants)


def write_answer(request: JsonRequest, inferred: Inferred) -> Answer:
    """Returns the answer to a request; raises Refusal for an output that JSON has no values of."""
    outputs, binaries = [], []
    for name, array in inferred.outputs.items():
        output: dict[str, Any] = {
            "name": name,
            "datatype": datatype_of(tf.as_dtype(array.dtype)),
            "shape": list(array.shape),
        }
        if request.binary.get(name, request.binary[""]):
            binaries.append(to_bytes(array))
            output["parameters"] = {BINARY_SIZE: len(binaries[-1])}
        else:
            output["data"] = _values(name, array)
        outputs.append(output)
    content: dict[str, Any] = {"model_name": request.asked.model, "model_version": str(inferred.version)}
    if request.id is not None:
        content["id"] = request.id
    try:
        body = orjson.dumps({**content, "outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError as error:
        raise invalid_argument("the id of a request must be UTF-8") from error
    if not binaries:
        return Answer(200, body)
    headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(body))}
    return Answer(200, b"".join([body, *binaries]), headers)


def _read_input(name: str, tensor: Any, binary: bytes) -> tuple[np.ndarray, bytes]:
    """Returns an input's tensor, and the bytes that are left for the next."""
    dtype = dtype_of(str(tensor.get("datatype")), name)
    shape = check_shape(_list(tensor, "shape", required=True), name)
    parameters = _parameters(tensor, f"input {name}")
    size = parameters.get(BINARY_SIZE)
    if size is not None:
        if type(size) is not int or not 0 <= size <= len(binary):
            raise invalid_argument(f"input {name}: {BINARY_SIZE} is {size!r}; {len(binary)} bytes are left for it")
        return from_bytes(binary[:size], dtype, shape, name), binary[size:]
    if "data" not in tensor:
        raise invalid_argument(f"input {name} has neither data nor {BINARY_SIZE}")
    try:
        array = to_array(tensor["data"], _WIDER.get(dtype, dtype))
    except Refusal as refusal:
        raise Refusal(refusal.code, f"input {name}: {refusal.message}") from refusal
    if array.size != math.prod(shape):
        raise invalid_argument(f"input {name}: {array.size} values came for the shape {list(shape)}")
    return narrowed(array, dtype, name).reshape(shape), binary


def _values(name: str, array: np.ndarray) -> Any:
    """Returns the values of an output as orjson takes them: flat, each float with the digits that give it back."""
    if array.dtype.kind in "OSU":
        try:
            return [value.decode() for value in array.ravel().tolist()]
        except UnicodeDecodeError as error:
            raise invalid_argument(f"output {name} is not UTF-8; ask for it as {BINARY}") from error
    if tf.as_dtype(array.dtype) in _HALVES:
        array = array.astype(np.float32)
    if array.dtype.kind == "f" and not np.isfinite(array).all():  # orjson would write null
        raise invalid_argument(f"output {name} has values that JSON has no number for; ask for it as {BINARY}")
    return np.ascontiguousarray(array.ravel())


def _object(text: bytes) -> dict[str, Any]:
    if not text:
        raise invalid_argument("the request has no JSON")
    try:
        content = rapid_json.parse(text)
    except rapid_json.JsonError as error:
        raise invalid_argument(f"the request is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise invalid_argument("the request is no JSON object")
    return content


def _parameters(content: Any, where: str) -> dict[str, Any]:
    parameters = content.get("parameters", {})
    if not isinstance(parameters, dict):
        raise invalid_argument(f"the parameters of {where} are no JSON object")
    refuse_unsupported(parameters, where)
    return parameters


def _list(content: Any, key: str, *, required: bool = False) -> list[Any]:
    values = content.get(key, None if required else [])
    if not isinstance(values, list):
        raise invalid_argument(f"{key} must be a list")
    if key != "shape" and not all(isinstance(value, dict) for value in values):
        raise invalid_argument(f"{key} must be a list of objects")
    return values


def _name(content: Any, what: str) -> str:
    name = content.get("name")
    if not isinstance(name, str) or not name:
        raise invalid_argument(f"an {what} has no name")
    return name
