"""The same model without a server: what served vectors are held to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops that the text signature needs

from components.serving_validator.checks import INPUTS, Floats
from serving.signatures import EMBEDDING


class InProcess:
    """A SavedModel in this process."""

    def __init__(self, folder: Path) -> None:
        self._loaded = tf.saved_model.load(str(folder))

    def encode(self, signature: str, values: Sequence[bytes]) -> Floats:
        """Returns [N, D] of N inputs."""
        tensor = tf.constant(np.array(values, object), tf.string, [len(values)])
        return self._loaded.signatures[signature](**{INPUTS[signature]: tensor})[EMBEDDING].numpy()
