"""The server's life: what it loads, many clients at once, what stops it from starting, how it ends."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from predict_requests import predict_request, refusal
from serving.server.server import ModelServer


def test_eight_clients_at_once_get_what_one_gets(server, coloured_png):
    texts = [f"{a} {b}" for a in ("red", "green", "blue", "grey") for b in ("red", "blue")]
    pictures = [coloured_png(31 * i, 255 - 31 * i, 7 * i) for i in range(8)]
    ready = threading.Barrier(8)

    def work(client: int) -> list[np.ndarray]:
        with grpc.insecure_channel(server.address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            ready.wait(timeout=20)
            found = []
            for turn in range(8):
                one = (client + turn) % 8
                for asked in (
                    predict_request(text=[texts[one]]),
                    predict_request("encode_image", image_bytes=[pictures[one]]),
                ):
                    found.append(tf.make_ndarray(stub.Predict(asked, timeout=30).outputs["embedding"])[0])
            order = [(client + turn) % 8 for turn in range(8)]
            return [found[2 * order.index(one) + kind] for kind in (0, 1) for one in range(8)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(work, range(8)))
    for answer in answers[1:]:
        np.testing.assert_allclose(answer, answers[0], atol=1e-6)  # batches of other sizes are rounded otherwise
    assert len(np.unique(np.array(answers[0]).round(4), axis=0)) > 8, "different inputs have different answers"


def test_a_message_beyond_grpcs_default_limit_passes(prediction):
    response = prediction.Predict(predict_request(text=["red " * 1_500_000]), timeout=60)
    assert tf.make_ndarray(response.outputs["embedding"]).shape == (1, 4)


def test_the_newest_complete_version_is_served(colour_model, tmp_path):
    for name in ("3", "0010", "9"):
        shutil.copytree(colour_model, tmp_path / name)
    with ModelServer(tmp_path, name="other", port=0) as server, grpc.insecure_channel(server.address) as channel:
        assert server.available() == {"other": [10]}
        response = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(
            predict_request(model="other", text=["red"]), timeout=20
        )
        assert response.model_spec.version.value == 10


def test_a_taken_port_is_named(server, base):
    port = int(server.address.rpartition(":")[2])
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
        ModelServer(base, port=port)


def test_a_folder_without_a_complete_version_is_named(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(ValueError, match="no complete model version"), ModelServer(tmp_path, port=0):
        pass


def test_a_damaged_model_is_named(colour_model, tmp_path):
    shutil.copytree(colour_model, tmp_path / "4")
    (tmp_path / "4" / "saved_model.pb").write_bytes(b"\x08\x01nonsense")
    with pytest.raises(ValueError, match=r"4 cannot be loaded as a SavedModel"), ModelServer(tmp_path, port=0):
        pass


def test_stop_lets_a_request_in_work_end(base):
    server = ModelServer(base, port=0, grace_s=60)
    server.start()
    with grpc.insecure_channel(server.address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        stub.Predict(predict_request(text=["red"]), timeout=20)
        slow = stub.Predict.future(predict_request(text=["red blue " * 1000] * 2000), timeout=60)
        quick = stub.Predict(
            predict_request(text=["red"]), timeout=20
        )  # sent later on the same connection: slow is in work
        assert quick.outputs
        server.stop()
        assert tf.make_ndarray(slow.result(timeout=60).outputs["embedding"]).shape == (2000, 4)
        assert refusal(stub.Predict, predict_request(text=["red"]))[0] == grpc.StatusCode.UNAVAILABLE
