"""The messages and the service of the Open Inference Protocol's gRPC (open_inference_grpc.proto), made at run time.

Tuples are (field, number, type); "map:" before a type makes it map<string, type>, "many:" makes it repeated.
"""

from __future__ import annotations

from typing import Any

from serving.server.protos import add_field, add_map, classes, new_file

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"
METHODS = ("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer")

_TENSOR = (("name", 1, "string"), ("datatype", 2, "string"), ("shape", 3, "many:int64"))
_PARAMETERS = "map:.inference.InferParameter"
_CONTENTS = (("parameters", 4, _PARAMETERS), ("contents", 5, ".inference.InferTensorContents"))
_MESSAGES: dict[str, tuple[tuple[str, int, str], ...]] = {
    "ServerLiveRequest": (),
    "ServerLiveResponse": (("live", 1, "bool"),),
    "ServerReadyRequest": (),
    "ServerReadyResponse": (("ready", 1, "bool"),),
    "ModelReadyRequest": (("name", 1, "string"), ("version", 2, "string")),
    "ModelReadyResponse": (("ready", 1, "bool"),),
    "ServerMetadataRequest": (),
    "ServerMetadataResponse": (("name", 1, "string"), ("version", 2, "string"), ("extensions", 3, "many:string")),
    "ModelMetadataRequest": (("name", 1, "string"), ("version", 2, "string")),
    "ModelMetadataResponse": (
        ("name", 1, "string"),
        ("versions", 2, "many:string"),
        ("platform", 3, "string"),
        ("inputs", 4, "many:.inference.ModelMetadataResponse.TensorMetadata"),
        ("outputs", 5, "many:.inference.ModelMetadataResponse.TensorMetadata"),
        ("properties", 6, "map:string"),
    ),
    "ModelMetadataResponse.TensorMetadata": _TENSOR,
    "ModelInferRequest": (
        ("model_name", 1, "string"),
        ("model_version", 2, "string"),
        ("id", 3, "string"),
        ("parameters", 4, _PARAMETERS),
        ("inputs", 5, "many:.inference.ModelInferRequest.InferInputTensor"),
        ("outputs", 6, "many:.inference.ModelInferRequest.InferRequestedOutputTensor"),
        ("raw_input_contents", 7, "many:bytes"),
    ),
    "ModelInferRequest.InferInputTensor": (*_TENSOR, *_CONTENTS),
    "ModelInferRequest.InferRequestedOutputTensor": (("name", 1, "string"), ("parameters", 2, _PARAMETERS)),
    "ModelInferResponse": (
        ("model_name", 1, "string"),
        ("model_version", 2, "string"),
        ("id", 3, "string"),
        ("parameters", 4, _PARAMETERS),
        ("outputs", 5, "many:.inference.ModelInferResponse.InferOutputTensor"),
        ("raw_output_contents", 6, "many:bytes"),
    ),
    "ModelInferResponse.InferOutputTensor": (*_TENSOR, *_CONTENTS),
    "InferTensorContents": (
        ("bool_contents", 1, "many:bool"),
        ("int_contents", 2, "many:int32"),
        ("int64_contents", 3, "many:int64"),
        ("uint_contents", 4, "many:uint32"),
        ("uint64_contents", 5, "many:uint64"),
        ("fp32_contents", 6, "many:float"),
        ("fp64_contents", 7, "many:double"),
        ("bytes_contents", 8, "many:bytes"),
    ),
}
_PARAMETER = ("bool_param", "int64_param", "string_param", "double_param", "uint64_param")  # numbered from 1


def _describe() -> Any:
    """Returns the FileDescriptorProto of the whole .proto."""
    file = new_file("open_inference_grpc.proto", PACKAGE)
    made: dict[str, Any] = {}
    for name, fields in _MESSAGES.items():
        outer, _, inner = name.partition(".")
        made[name] = made[outer].nested_type.add(name=inner) if inner else file.message_type.add(name=outer)
        for field, number, kind in fields:
            prefix, _, value = kind.rpartition(":")
            if prefix == "map":
                add_map(made[name], f".{PACKAGE}.{name}", field, number, value)
            else:
                add_field(made[name], field, number, value, repeated=prefix == "many")
    parameter = file.message_type.add(name="InferParameter")
    parameter.oneof_decl.add(name="parameter_choice")
    for number, field in enumerate(_PARAMETER, 1):
        add_field(parameter, field, number, field.removesuffix("_param"), oneof=0)
    service = file.service.add(name=SERVICE.rpartition(".")[2])
    for method in METHODS:
        types = {"input_type": f".{PACKAGE}.{method}Request", "output_type": f".{PACKAGE}.{method}Response"}
        service.method.add(name=method, **types)
    return file


POOL, CLASSES = classes(_describe())
