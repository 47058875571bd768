"""Predict's messages, as TensorFlow Serving's clients write them on the wire, without an import of TensorFlow.

tensorflow-serving-api's own modules import all of TensorFlow for the sake of one message, TensorProto. These state the
same names and field numbers (tensorflow_serving/apis/predict.proto and model.proto, tensorflow/core/framework/
tensor.proto) for the fields that a client of a dual encoder meets; a field that is not here is skipped on reading. They
live in a pool of their own, so that a process may hold TensorFlow's beside them.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message, reflection, wrappers_pb2

PREDICT = "/tensorflow.serving.PredictionService/Predict"

_Field = descriptor_pb2.FieldDescriptorProto
_INT32, _INT64, _BOOL = _Field.TYPE_INT32, _Field.TYPE_INT64, _Field.TYPE_BOOL
_FLOAT, _DOUBLE = _Field.TYPE_FLOAT, _Field.TYPE_DOUBLE
_STRING, _BYTES = _Field.TYPE_STRING, _Field.TYPE_BYTES
_INT64_VALUE, _SHAPE, _DIM, _TENSOR, _SPEC = (
    f".{name}"
    for name in (
        "google.protobuf.Int64Value",
        "tensorflow.TensorShapeProto",
        "tensorflow.TensorShapeProto.Dim",
        "tensorflow.TensorProto",
        "tensorflow.serving.ModelSpec",
    )
)


def _fields(made: Any, *fields: tuple[str, int, int | str], repeated: tuple[str, ...] = ()) -> Any:
    """Add fields (name, number, a scalar's type or a message's full name) to a message; returns it."""
    for name, number, kind in fields:
        label = _Field.LABEL_REPEATED if name in repeated else _Field.LABEL_OPTIONAL
        field = made.field.add(name=name, number=number, label=label)
        if isinstance(kind, str):
            field.type, field.type_name = _Field.TYPE_MESSAGE, kind
        else:
            field.type = kind
    return made


def _map_of_tensors(made: Any, field: str, number: int) -> None:
    entry = made.nested_type.add(name=f"{field.capitalize()}Entry")
    entry.options.map_entry = True
    _fields(entry, ("key", 1, _STRING), ("value", 2, _TENSOR))
    _fields(made, (field, number, f".tensorflow.serving.{made.name}.{entry.name}"), repeated=(field,))


def _pool() -> descriptor_pool.DescriptorPool:
    tensors = descriptor_pb2.FileDescriptorProto(name="tensor.proto", package="tensorflow", syntax="proto3")
    shape = tensors.message_type.add(name="TensorShapeProto")
    _fields(shape.nested_type.add(name="Dim"), ("size", 1, _INT64))
    _fields(shape, ("dim", 2, _DIM), ("unknown_rank", 3, _BOOL), repeated=("dim",))
    values = (
        ("float_val", 5, _FLOAT),
        ("double_val", 6, _DOUBLE),
        ("int_val", 7, _INT32),
        ("string_val", 8, _BYTES),
        ("int64_val", 10, _INT64),
        ("bool_val", 11, _BOOL),
    )
    tensor = tensors.message_type.add(name="TensorProto")
    _fields(tensor, ("dtype", 1, _INT32), ("tensor_shape", 2, _SHAPE), ("tensor_content", 4, _BYTES))
    _fields(tensor, *values, repeated=tuple(name for name, _, _ in values))

    calls = descriptor_pb2.FileDescriptorProto(name="predict.proto", package="tensorflow.serving", syntax="proto3")
    calls.dependency.extend(["tensor.proto", wrappers_pb2.DESCRIPTOR.name])
    spec = calls.message_type.add(name="ModelSpec")
    spec.oneof_decl.add(name="version_choice")
    _fields(spec, ("name", 1, _STRING), ("version", 2, _INT64_VALUE), ("version_label", 4, _STRING))
    spec.field[1].oneof_index = spec.field[2].oneof_index = 0
    _fields(spec, ("signature_name", 3, _STRING))
    request = calls.message_type.add(name="PredictRequest")
    _fields(request, ("model_spec", 1, _SPEC), ("output_filter", 3, _STRING), repeated=("output_filter",))
    _map_of_tensors(request, "inputs", 2)
    response = calls.message_type.add(name="PredictResponse")
    _fields(response, ("model_spec", 2, _SPEC))
    _map_of_tensors(response, "outputs", 1)

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    for file in (tensors, calls):
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _pool()


def _class(full_name: str) -> Any:
    descriptor = _POOL.FindMessageTypeByName(full_name)
    named = {"DESCRIPTOR": descriptor, "__module__": __name__}
    return reflection.GeneratedProtocolMessageType(descriptor.name, (message.Message,), named)


TensorProto = _class("tensorflow.TensorProto")
PredictRequest = _class("tensorflow.serving.PredictRequest")
PredictResponse = _class("tensorflow.serving.PredictResponse")
