"""Regress: one number for each tf.train.Example, as TensorFlow Serving's regressor.cc has it.

Legend: N Examples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import regression_pb2

from serving.server.core.spec import PATIENT, Caller
from serving.server.core.version import Version
from serving.server.inference.dtype_names import enum_name
from serving.server.inference.examples import INPUTS, run_on_examples, serialized_examples
from serving.server.inference.model_spec import echo, signature_name
from serving.server.refusal import invalid_argument

METHOD = "tensorflow/serving/regress"
OUTPUTS = "outputs"


def run_regress(version: Version, request: Any, caller: Caller = PATIENT) -> Any:
    """Answer a RegressionRequest.

    Returns:
      A RegressionResponse.

    Raises:
      Refusal: in TensorFlow Serving's words, or with the runtime's own code.
    """
    name = signature_name(request.model_spec)
    if name not in version.signature_defs:
        raise invalid_argument(f"No signature was found with the name: {name}")
    outputs = regress_outputs(version.signature_defs[name])
    examples = serialized_examples(request.input)
    response = regression_pb2.RegressionResponse()
    echo(response.model_spec, request.model_spec, version)
    found = run_on_examples(version, name, examples, caller, outputs)
    fill_regressions(response.result, found, len(examples))
    return response


def regress_outputs(signature: Any) -> list[str]:
    """Returns [OUTPUTS], or raises Refusal where the signature is not one for Regress, whatever its method_name."""
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    if INPUTS not in signature.inputs:
        raise invalid_argument(f"No regression inputs found in SignatureDef: {signature}")
    if OUTPUTS not in signature.outputs:
        raise invalid_argument(f"No regression outputs found in SignatureDef: {signature}")
    return [OUTPUTS]


def fill_regressions(result: Any, found: dict[str, np.ndarray], examples: int) -> None:
    """Write OUTPUTS, [N] or [N, 1] float32, into a RegressionResult; raises Refusal for another shape or dtype."""
    array = found[OUTPUTS]
    if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        shape = ",".join(map(str, array.shape))
        raise invalid_argument(
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got [{shape}]"
        )
    if array.shape[0] != examples:
        raise invalid_argument(f"Input batch size did not match output batch size: {examples} vs. {array.shape[0]}")
    if array.dtype != tf.float32:
        raise invalid_argument(f"Expected output Tensor of DT_FLOAT.  Got: {enum_name(array.dtype)}")
    for value in array.ravel().tolist():
        result.regressions.add().value = value
