"""Classify: labels and scores of tf.train.Examples, as TensorFlow Serving's classifier.cc has it.

Legend: N Examples, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2

from serving.server.core.spec import PATIENT, Caller
from serving.server.core.version import Version
from serving.server.inference.dtype_names import enum_name
from serving.server.inference.examples import INPUTS, run_on_examples, serialized_examples
from serving.server.inference.model_spec import echo, signature_name
from serving.server.refusal import invalid_argument

METHOD = "tensorflow/serving/classify"
CLASSES, SCORES = "classes", "scores"


def run_classify(version: Version, request: Any, caller: Caller = PATIENT) -> Any:
    """Answer a ClassificationRequest.

    Returns:
      A ClassificationResponse.

    Raises:
      Refusal: in TensorFlow Serving's words, or with the runtime's own code.
    """
    name = signature_name(request.model_spec)
    if name not in version.signature_defs:
        raise invalid_argument(f"No signature was found with the name: {name}")
    outputs = classify_outputs(version.signature_defs[name])
    examples = serialized_examples(request.input)
    response = classification_pb2.ClassificationResponse()
    echo(response.model_spec, request.model_spec, version)
    found = run_on_examples(version, name, examples, caller, outputs)
    fill_classifications(response.result, found, len(examples))
    return response


def classify_outputs(signature: Any) -> list[str]:
    """Returns which of CLASSES and SCORES a signature has; raises Refusal where it is not one for Classify.

    What it is called (its method_name) does not matter, as without --enable_signature_method_name_check there.
    """
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    if INPUTS not in signature.inputs:
        raise invalid_argument(f"No classification inputs found in SignatureDef: {signature}")
    outputs = [name for name in (CLASSES, SCORES) if name in signature.outputs]
    if not outputs:
        raise invalid_argument(
            f'Expected classification signature outputs to contain at least one of "{CLASSES}" or "{SCORES}". '
            f"Signature was: {signature}"
        )
    return outputs


def fill_classifications(result: Any, found: dict[str, np.ndarray], examples: int) -> None:
    """Write arrays [N, C] into a ClassificationResult.

    Args:
      result: where to.
      found: CLASSES (bytes), SCORES (float32), or both.
      examples: N.

    Raises:
      Refusal: for outputs of another shape or dtype.
    """
    _check(found, CLASSES, tf.string, examples)
    _check(found, SCORES, tf.float32, examples)
    if len(found) == 2 and found[CLASSES].shape[1] != found[SCORES].shape[1]:
        raise invalid_argument(
            "Tensors class and score should match in dim_size(1). Got "
            f"{found[CLASSES].shape[1]} vs. {found[SCORES].shape[1]}"
        )
    labels, scores = (found[name].tolist() if name in found else None for name in (CLASSES, SCORES))
    for row in range(examples):
        classes = result.classifications.add().classes
        for column in range(next(iter(found.values())).shape[1]):
            added = classes.add()
            if labels is not None:
                added.label = labels[row][column].decode("utf-8", "replace")
            if scores is not None:
                added.score = scores[row][column]


def _check(found: dict[str, np.ndarray], name: str, expected: tf.DType, examples: int) -> None:
    """Refuse an output that is not [N, C] of the dtype expected."""
    if name not in found:
        return
    array = found[name]
    if array.ndim != 2:
        shape = ",".join(map(str, array.shape))
        raise invalid_argument(f"Expected Tensor shape: [batch_size num_classes] but got [{shape}]")
    if tf.as_dtype(array.dtype) != expected:
        raise invalid_argument(f"Expected {name} Tensor of {enum_name(expected)}. Got: {enum_name(array.dtype)}")
    if array.shape[0] != examples:
        raise invalid_argument(f"Expected {name} output batch size of {examples}. Got: {array.shape[0]}")
