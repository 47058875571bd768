"""The tf.train.Examples of Classify, Regress and MultiInference, as the string tensor that a signature takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from serving.server.core.spec import Caller
from serving.server.core.version import Version
from serving.server.inference.predict import check_inputs
from serving.server.refusal import invalid_argument

INPUTS = "inputs"  # what classify and regress signatures call their input


def serialized_examples(given: Any) -> np.ndarray:
    """Returns the Examples of an Input message, serialized: [N] bytes.

    A context is put in front of each, and parses as one message with it.

    Raises:
      Refusal: INVALID_ARGUMENT for an Input without Examples.

    Reference: InputToSerializedExampleTensor in servables/tensorflow/util.cc.
    """
    if given.WhichOneof("kind") == "example_list_with_context":
        context = given.example_list_with_context.context.SerializeToString()
        examples = given.example_list_with_context.examples
    else:
        context, examples = b"", given.example_list.examples
    if not examples:
        raise invalid_argument("Input is empty.")
    serialized = np.empty(len(examples), object)
    serialized[:] = [context + example.SerializeToString() for example in examples]
    return serialized


def rows(request: Any) -> int:
    """Returns how many Examples a request brings."""
    kind = request.input.WhichOneof("kind")
    return 0 if kind is None else len(getattr(request.input, kind).examples)


def run_on_examples(
    version: Version, signature: str, examples: np.ndarray, caller: Caller, outputs: list[str]
) -> dict[str, np.ndarray]:
    """Run a signature that takes serialized Examples [N] as INPUTS; raises Refusal."""
    inputs = {INPUTS: examples}
    check_inputs(version.signature_defs[signature], inputs)
    return version.run(signature, inputs, caller, outputs)
