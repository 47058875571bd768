"""Server reflection, asked as grpcurl asks: which services there are, and what their messages look like."""

from __future__ import annotations

import threading

import grpc
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from serving.server.grpc.reflection import STREAMS

ALL = reflection_pb2.ServerReflectionRequest(list_services="*")


def test_the_services_are_listed_and_described(channel):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = [ALL, reflection_pb2.ServerReflectionRequest(file_containing_symbol="tensorflow.serving.PredictionService")]
    listed, described = stub.ServerReflectionInfo(iter(asked), timeout=20)
    names = {service.name for service in listed.list_services_response.service}
    assert {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    } <= names
    files = [
        descriptor_pb2.FileDescriptorProto.FromString(file)
        for file in described.file_descriptor_response.file_descriptor_proto
    ]
    methods = {method.name for file in files for service in file.service for method in service.method}
    assert {"Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata"} <= methods


def test_open_streams_are_bounded(channel):
    stub, over = reflection_pb2_grpc.ServerReflectionStub(channel), threading.Event()

    def questions():
        yield ALL
        over.wait(timeout=60)

    try:
        held = [stub.ServerReflectionInfo(questions(), timeout=60) for _ in range(STREAMS)]
        assert all(next(stream).list_services_response.service for stream in held)
        more = stub.ServerReflectionInfo(iter([ALL]), timeout=20)
        assert more.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    finally:
        over.set()
    assert [list(stream) for stream in held] == [[]] * STREAMS
    (listed,) = stub.ServerReflectionInfo(iter([ALL]), timeout=20)
    assert listed.list_services_response.service
