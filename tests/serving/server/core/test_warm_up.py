"""The warm-up requests of a version: which run, and which keep it from being served."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from predict_requests import predict_request
from serving.server.batching.batcher import Batcher
from serving.server.batching.settings import DEFAULT_BATCHING
from serving.server.core.servable import Servable
from serving.server.core.version import Version
from serving.server.core.warm_up import MAX_RECORDS, REQUESTS_FILE, warm_up
from serving.server.monitoring.observer import Monitoring


@pytest.fixture
def with_requests(scale_model, tmp_path):
    """Returns a function from records to the folder of a model that brings them along."""

    def made(records: list[bytes]) -> Path:
        path = tmp_path / "1"
        shutil.copytree(scale_model(1), path)
        (path / REQUESTS_FILE).parent.mkdir()
        with tf.io.TFRecordWriter(str(path / REQUESTS_FILE)) as writer:
            for record in records:
                writer.write(record)
        return path

    return made


def warmed(path: Path, monitoring: Monitoring | None = None) -> int:
    monitoring = monitoring or Monitoring()
    batcher = Batcher(DEFAULT_BATCHING, monitoring)
    try:
        return warm_up(Version("m", 1, Servable(path), batcher), path, monitoring)
    finally:
        batcher.close()


def predict_log(signature="scale", **inputs) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request(signature, model="of another name", **inputs))
    return log.SerializeToString()


def empty_log(kind: str) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    getattr(log, kind).SetInParent()
    return log.SerializeToString()


def test_a_version_without_requests_is_warm(scale_model):
    assert warmed(scale_model(1)) == 0


def test_requests_run_and_are_counted(with_requests):
    monitoring = Monitoring()
    path = with_requests([predict_log(x=[1.0]), b"", predict_log(x=[1.0, 2.0])])
    assert warmed(path, monitoring) == 3
    assert f'model_warmup_records_read{{model_path="{path}",status="OK"}} 3' in monitoring.page()


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([predict_log(x=[1.0]), predict_log("scales", x=[1.0])], 'warm-up request 1 .*"scales" not found'),
        ([predict_log(x=["a"])], "to be float but string is provided"),
        ([empty_log("classify_log")], "warm-up request 0 .* fails: No signature was found"),
        ([empty_log("session_run_log")], "Unsupported log_type for warmup: session_run_log"),
        ([b"\xff\xff"], "verify your warmup data is in TFRecord format"),
        ([predict_log(x=[1.0])] * (MAX_RECORDS + 1), r"Number of warmup records exceeds the maximum \(1000\)"),
    ],
)
def test_requests_that_fail_are_refused(with_requests, records, said):
    with pytest.raises(ValueError, match=said):
        warmed(with_requests(records))


def test_a_file_that_is_no_tfrecord_is_refused(with_requests):
    path = with_requests([])
    (path / REQUESTS_FILE).write_bytes(b"hello, this is no record")
    with pytest.raises(ValueError, match="verify your warmup data is in TFRecord format"):
        warmed(path)
