"""One running server for the tests that ask it over a real port, with tensorflow-serving-api's own stubs.

The frameworks are imported in the fixtures, so that tests without a server start at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def base(colour_model, tmp_path_factory):
    from predict_requests import VERSION

    base = tmp_path_factory.mktemp("models")
    shutil.copytree(colour_model, base / str(VERSION))
    half_written = base / "8"
    shutil.copytree(colour_model / "variables", half_written / "variables")
    (base / "9.partial").mkdir()
    (base / "notes.txt").write_text("not a version", encoding="utf-8")
    return base


@pytest.fixture(scope="module")
def server(base):
    from serving.server.server import ModelServer

    with ModelServer(base, port=0) as server:
        yield server


@pytest.fixture(scope="module")
def channel(server):
    import grpc

    with grpc.insecure_channel(server.address) as channel:
        yield channel


@pytest.fixture(scope="module")
def prediction(channel):
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models(channel):
    from tensorflow_serving.apis import model_service_pb2_grpc

    return model_service_pb2_grpc.ModelServiceStub(channel)


@pytest.fixture(scope="session")
def scale_model(tmp_path_factory) -> Callable[[int], Path]:
    """Returns a function from a factor to the folder of a model that multiplies by it; each is saved once.

    Its signature `scale` has y = factor * x, so that an answer tells which version gave it.
    """
    import tensorflow as tf

    class Scale(tf.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = tf.Variable(float(factor))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
        def scale(self, x):
            return {"y": self.factor * x}

    base = tmp_path_factory.mktemp("scale")

    def saved(factor: int) -> Path:
        path = base / str(factor)
        if not path.exists():
            model = Scale(factor)
            tf.saved_model.save(model, str(path), signatures={"scale": model.scale})
        return path

    return saved


@pytest.fixture
def push(scale_model, tmp_path) -> Callable[..., Path]:
    """Returns a function that pushes a version as the Pusher does: it appears whole under tmp_path/<model>."""

    def pushed(version: int, factor: int | None = None, model: str = "m") -> Path:
        base = tmp_path / model
        base.mkdir(exist_ok=True)
        aside = tmp_path / "aside"
        shutil.copytree(scale_model(version if factor is None else factor), aside)
        return aside.rename(base / str(version))

    return pushed
