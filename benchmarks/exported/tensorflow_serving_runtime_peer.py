"""The peer of tensorflow_serving_runtime.py: answers requests by a SavedModel's signatures, with any TensorFlow.

Started by tensorflow_serving_runtime.py in an environment of its own, with the paths of the model's folder, of the
requests ("signature/input" -> strings) and of the answers ("signature/output" -> values), .npz both.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_text


def answers(folder: str, requests: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns "signature/output" -> value of "signature/input" -> [N] strings."""
    loaded = tf.saved_model.load(folder)
    asked: dict[str, dict[str, tf.Tensor]] = {}
    for name, values in requests.items():
        signature, _, of = name.partition("/")
        asked.setdefault(signature, {})[of] = tf.constant(values.tolist(), tf.string)
    return {
        f"{signature}/{name}": values.numpy().astype("S") if values.dtype == tf.string else values.numpy()
        for signature, inputs in asked.items()
        for name, values in loaded.signatures[signature](**inputs).items()
    }


def main(folder: str, requests: str, to: str) -> None:
    print(f"answered by TensorFlow {tf.__version__} with TF Text {tensorflow_text.__version__}")
    np.savez(to, **answers(folder, dict(np.load(requests, allow_pickle=True))))


if __name__ == "__main__":
    main(*sys.argv[1:])
