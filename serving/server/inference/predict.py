"""Predict: a request's tensors through a signature, as TensorFlow Serving's predict_util.cc has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from serving.server.core.spec import PATIENT, Caller
from serving.server.core.version import Version
from serving.server.inference.dtype_names import short_name
from serving.server.inference.model_spec import echo, signature_name
from serving.server.refusal import Refusal, invalid_argument
from serving.tensors import from_proto, to_proto


def run_predict(version: Version, request: Any, caller: Caller = PATIENT) -> Any:
    """Answer a PredictRequest.

    Returns:
      A PredictResponse.

    Raises:
      Refusal: in TensorFlow Serving's words, or with the runtime's own code.
    """
    name = signature_name(request.model_spec)
    signature = predict_signature(version, name)
    inputs = decode_inputs(signature, request.inputs)
    wanted = select_outputs(signature, request.output_filter)
    check_inputs(signature, inputs)
    outputs = version.run(name, inputs, caller, wanted)
    response = predict_pb2.PredictResponse()
    echo(response.model_spec, request.model_spec, version)
    for alias in wanted:
        response.outputs[alias].CopyFrom(to_proto(outputs[alias]))
    return response


def rows(request: Any) -> int | None:
    """Returns the first size of a PredictRequest's tensors, as they state it; None where they have none."""
    shapes = [proto.tensor_shape.dim for proto in request.inputs.values()]
    return next((shape[0].size for shape in shapes if shape), None)


def predict_signature(version: Version, name: str) -> Any:
    """Returns the SignatureDef called `name`, or raises Refusal."""
    if name not in version.signature_defs:
        raise Refusal(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
    return version.signature_defs[name]


def decode_inputs(signature: Any, protos: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Decode the tensors of a request, and take the signature's default for one that is not sent.

    Args:
      signature: SignatureDef that names the inputs, their dtypes and shapes.
      protos: input name -> TensorProto.

    Returns:
      Input name -> array, exactly the signature's inputs.

    Raises:
      Refusal: INVALID_ARGUMENT for an input that is missing, unknown or malformed.

    Reference: predict_util.cc, and GetInputValues in TensorFlow's cc/saved_model/util.cc.
    """
    check_names(signature, protos)
    defaults, arrays = signature.defaults, {}
    for alias, info in sorted(signature.inputs.items()):
        if alias not in protos and alias not in defaults:
            raise invalid_argument(
                f"Signature input alias: {alias}(feed name: {info.name}) not found in request and no default value "
                f"provided. Inputs expected to be in the request {{{_listed(protos)}}}, or default input alias set: "
                f"{_listed(defaults)}"
            )
        try:
            arrays[alias] = from_proto(protos[alias] if alias in protos else defaults[alias])
        except ValueError as error:
            raise invalid_argument(f"tensor parsing error: {alias}") from error
    if not set(protos) <= set(arrays):
        raise invalid_argument(
            f"Inputs contains invalid name. Used request inputs: {_listed(set(protos) & set(arrays))}, request input: "
            f"{_listed(protos)}"
        )
    return arrays


def check_names(signature: Any, sent: Iterable[str]) -> None:
    """Refuse more inputs than the signature has, or fewer where none has a default."""
    expected, given = set(signature.inputs), set(sent)
    if len(given) > len(expected) or (len(given) < len(expected) and not signature.defaults):
        raise invalid_argument(
            f"input size does not match signature: {len(given)}!={len(expected)} len({{{_listed(given)}}}) != "
            f"len({{{_listed(expected)}}}). Sent extra: {{{_listed(given - expected)}}}. "
            f"Missing but required: {{{_listed(expected - given)}}}."
        )


def check_inputs(signature: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse an array of another dtype than its input's, in the words of TensorFlow's session.

    The shape of numbers is left to the graph, as there: half_plus_two takes [N] where its signature says [N, 1].

    We differ: strings must have the signature's shape. TF Text's ops read a scalar as a vector, and the process dies.
    """
    feeds = sorted((info.name, alias) for alias, info in signature.inputs.items())
    for position, (_, alias) in enumerate(feeds):
        info = signature.inputs[alias]
        expected, given = tf.as_dtype(info.dtype), tf.as_dtype(arrays[alias].dtype)
        if given != expected:
            raise invalid_argument(
                f"Expects arg[{position}] to be {short_name(expected)} but {short_name(given)} is provided"
            )
        if expected == tf.string and not tf.TensorShape(info.tensor_shape).is_compatible_with(arrays[alias].shape):
            stated = ",".join("?" if dim.size < 0 else str(dim.size) for dim in info.tensor_shape.dim)
            shape = ",".join(map(str, arrays[alias].shape))
            raise invalid_argument(f"Expects arg[{position}] to have the shape [{stated}] but [{shape}] is provided")


def select_outputs(signature: Any, output_filter: Sequence[str]) -> list[str]:
    """Returns the names of the outputs to send: those of the filter, or all of the signature's without one."""
    for position, alias in enumerate(output_filter):
        if alias not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                f"{{{_listed(signature.outputs)}}}."
            )
        if alias in output_filter[:position]:
            raise invalid_argument(f"duplicate output tensor alias: {alias}")
    return list(output_filter) or sorted(signature.outputs)


def _listed(names: Iterable[str]) -> str:
    return ",".join(sorted(names))
