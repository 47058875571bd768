"""One running server for the tests that ask it over a real port, with tensorflow-serving-api's own stubs.

The frameworks are imported in the fixtures, so that tests without a server start at once.
"""

from __future__ import annotations

import shutil

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
