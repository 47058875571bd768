"""Asks a server over TensorFlow Serving's gRPC API, by its published messages alone."""

from __future__ import annotations

from types import TracebackType

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

from components.serving_validator.checks import Floats, Signatures
from components.serving_validator.sample import Question
from components.serving_validator.served.door import DEADLINE_S, Refused
from serving.signatures import MODEL_NAME

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),  # else gRPC asks the environment's proxy for this machine's own server too
)


class GrpcDoor:
    """A connection to a server on this machine, to be used in a block."""

    protocol = "gRPC"

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=_OPTIONS)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def __enter__(self) -> GrpcDoor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._channel.close()

    def signatures(self) -> Signatures:
        """Returns what the server says of the model's signatures; raises Refused."""
        asked = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        asked.model_spec.name = MODEL_NAME
        try:
            told = self._stub.GetModelMetadata(asked, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            raise Refused(error.code().name, error.details()) from error
        found = get_model_metadata_pb2.SignatureDefMap()
        told.metadata["signature_def"].Unpack(found)
        return {name: (list(one.inputs), list(one.outputs)) for name, one in found.signature_def.items()}

    def ask(self, question: Question) -> Floats:
        """Returns the output that is asked for; raises Refused."""
        asked = predict_pb2.PredictRequest(output_filter=[question.output])
        asked.model_spec.name = MODEL_NAME
        asked.model_spec.signature_name = question.signature
        for name, values in question.inputs.items():
            asked.inputs[name].CopyFrom(tf.make_tensor_proto(np.array(values, object), tf.string, [len(values)]))
        try:
            answer = self._stub.Predict(asked, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            raise Refused(error.code().name, error.details()) from error
        return tf.make_ndarray(answer.outputs[question.output])
