"""Requests that a server answers to itself before it takes others, beside the graph where TensorFlow Serving looks.

Reference: tensorflow/serving, g3doc/saved_model_warmup.md: TFRecords of PredictionLog, at most 1000.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving import signatures

WARM_UP_FILE = "assets.extra/tf_serving_warmup_requests"
_SIDE_PX = 256  # about the size of a photo in a collection of thumbnails


def write_warm_up(directory: str, by_signature: Mapping[str, Any]) -> None:
    """Write a request for each signature that clients ask; `evaluate`, which the Evaluator asks, is left out.

    Args:
      directory: of the SavedModel, local or remote.
      by_signature: signature name -> tf.function, as `tf.saved_model.save` takes it.
    """
    samples = _samples()
    path = posixpath.join(directory, WARM_UP_FILE)
    tf.io.gfile.makedirs(posixpath.dirname(path))
    with tf.io.TFRecordWriter(path) as writer:
        for name, function in sorted(by_signature.items()):
            inputs = [spec.name for spec in function.input_signature]
            if all(each in samples for each in inputs):
                log = _predict_log(name, {each: samples[each] for each in inputs})
                writer.write(log.SerializeToString(deterministic=True))


def _predict_log(signature: str, inputs: Mapping[str, list[bytes]]) -> Any:
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = signatures.MODEL_NAME, signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values, tf.string))
    return log


def _samples() -> dict[str, list[bytes]]:
    """Returns what an input of any signature takes; a picture of each format that cameras and the web have most."""
    rows, columns = np.mgrid[0:_SIDE_PX, 0:_SIDE_PX]
    pixels = np.stack([rows, columns, (rows + columns) // 2], axis=-1).astype(np.uint8)
    return {
        signatures.IMAGE_BYTES: [tf.io.encode_jpeg(pixels).numpy(), tf.io.encode_png(pixels).numpy()],
        signatures.TEXT: [b"a photo of a red car", b"sad cat"],
        signatures.LABELS: [b"car", b"cat"],
        signatures.TEMPLATES: [b"a photo of a {}"],
    }
