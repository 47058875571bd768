"""The requests that a pushed version brings along to be run before any other: assets.extra/tf_serving_warmup_requests.

A TFRecord of PredictionLog messages, at most MAX_RECORDS, as servables/tensorflow/saved_model_warmup.cc and
saved_model_warmup_util.cc read it. The first call of a signature compiles it; after these it has been called.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from serving.server.core.version import Version
from serving.server.inference.classify import run_classify
from serving.server.inference.multi_inference import run_multi_inference
from serving.server.inference.predict import run_predict
from serving.server.inference.regress import run_regress
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import Refusal

REQUESTS_FILE = "assets.extra/tf_serving_warmup_requests"
MAX_RECORDS = 1000
_RUNS: dict[str, Callable[[Version, Any], Any]] = {
    "predict_log": run_predict,
    "classify_log": run_classify,
    "regress_log": run_regress,
    "multi_inference_log": run_multi_inference,
}


def warm_up(version: Version, folder: Path, monitoring: Monitoring) -> int:
    """Run a version's own requests on it.

    The model's name and version in a request do not count, as in TensorFlow Serving.

    Returns:
      How many records there were; 0 for a version that brings none.

    Raises:
      ValueError: for a file that is no TFRecord of PredictionLogs, has too many, or holds a request that fails: such a
        version is not served, as in TensorFlow Serving.
    """
    path = folder / REQUESTS_FILE
    if not path.is_file():
        return 0
    started, records, code = time.monotonic(), 0, grpc.StatusCode.UNKNOWN
    try:
        for log in _logs(path):
            if records == MAX_RECORDS:
                raise ValueError(f"Number of warmup records exceeds the maximum ({MAX_RECORDS}) at {path}")
            kind = log.WhichOneof("log_type")
            if kind is not None and kind not in _RUNS:
                raise ValueError(f"Unsupported log_type for warmup: {kind} at {path}")
            if kind is not None:
                _RUNS[kind](version, getattr(log, kind).request)
            records += 1
        code = grpc.StatusCode.OK
    except Refusal as refusal:
        code = refusal.code
        raise ValueError(f"warm-up request {records} of {path} fails: {refusal.message}") from refusal
    finally:
        monitoring.warm_up_ended(path=folder, seconds=time.monotonic() - started, records=records, code=code)
    return records


def _logs(path: Path) -> Iterator[prediction_log_pb2.PredictionLog]:
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            yield prediction_log_pb2.PredictionLog.FromString(record.numpy())
    except (tf.errors.OpError, DecodeError) as error:
        cause = " ".join(str(error).split())
        raise ValueError(f"{path}: {cause}. Please verify your warmup data is in TFRecord format.") from error
