"""align serve as a process: SIGTERM lets what is in work end and exits 0, a second one ends it at once.

TensorFlow Serving does not do the first, its issue 1853.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from predict_requests import predict_request


@pytest.fixture
def started():
    """Starts processes, and ends those that still run behind the test."""
    running = []
    own = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}  # JAX sets it on import

    def start(*arguments: str) -> subprocess.Popen:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        running.append(subprocess.Popen([sys.executable, *arguments], **pipes, env=own, text=True))
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_sigterm_answers_what_is_in_work_and_exits_0(started, colour_model, tmp_path):
    shutil.copytree(colour_model, tmp_path / "1")
    options = ("--model-dir", str(tmp_path), "--port", "0", "--rest-port", "0", "--grace-s", "60")
    process = started("-m", "tfx_pipeline.cli", "serve", *options)
    address = re.search(r" on (\S+:\d+),", process.stdout.readline())[1]
    while not process.stdout.readline().startswith("Ctrl-C"):
        assert process.poll() is None
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        slow = stub.Predict.future(predict_request(text=["red blue " * 1000] * 4000), timeout=60)
        assert stub.Predict(predict_request(text=["red"]), timeout=20).outputs  # sent later: slow is in work
        process.send_signal(signal.SIGTERM)
        assert tf.make_ndarray(slow.result(timeout=60).outputs["embedding"]).shape == (4000, 4)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (
        0,
        "Stopping: requests in work are answered first, for up to 60 s.\n",
        "",
    )


def test_a_second_signal_ends_it_at_once(started):
    waiting = (
        "import time; from tfx_pipeline.commands.serve import stop_signals\n"
        "with stop_signals() as stopped:\n"
        "    print('ready', flush=True); stopped.wait(); print('stopping', flush=True); time.sleep(60)"
    )
    process = started("-c", waiting)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "stopping\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 128 + signal.SIGINT
