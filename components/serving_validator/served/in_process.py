"""The same model without a server: what served vectors are held to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops that the text signature needs
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from components.serving_validator.checks import Floats, Signatures
from components.serving_validator.sample import Question
from serving.precision import Precision, precision_of

_FILE = tf.saved_model.SAVED_MODEL_FILENAME_PB


class InProcess:
    """A SavedModel in this process.

    Attributes:
      signatures: name -> inputs, outputs.
      precision: in which it computes images.
    """

    def __init__(self, folder: Path) -> None:
        """Load it.

        Raises:
          ValueError: where it cannot be loaded.
        """
        try:
            self._loaded = tf.saved_model.load(str(folder))
            saved = saved_model_pb2.SavedModel.FromString((folder / _FILE).read_bytes())
        except (OSError, ValueError, DecodeError, tf.errors.OpError) as error:
            raise ValueError(f"the model cannot be loaded: {_in_a_line(error)}") from error
        self.precision: Precision = precision_of(saved.meta_graphs[0].graph_def)
        self.signatures: Signatures = {
            name: (list(function.structured_input_signature[1]), list(function.structured_outputs))
            for name, function in self._loaded.signatures.items()
        }

    def ask(self, question: Question) -> Floats:
        """Returns the output that is asked for.

        Raises:
          ValueError: where the computation fails.
        """
        inputs = {
            name: tf.constant(np.array(values, object), tf.string, [len(values)])
            for name, values in question.inputs.items()
        }
        try:
            return self._loaded.signatures[question.signature](**inputs)[question.output].numpy()
        except tf.errors.OpError as error:
            raise ValueError(f"{question.signature} fails in process: {_in_a_line(error)}") from error


def _in_a_line(error: Exception) -> str:
    return " ".join(str(error).split())
