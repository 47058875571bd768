"""Malformed requests as bytes on the wire, from a seed: what a broken, careless or hostile client sends over gRPC.

Each has the codes that TensorFlow Serving answers it with. The model is any with `encode_image` and `encode_text`.
"""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

PREDICTION = "/tensorflow.serving.PredictionService/"
MODELS = "/tensorflow.serving.ModelService/"
MODEL = "align"
ODD_NAMES = ("", "clip", "a" * 70_000, "\x00", "align\n", "../align", "ålign", "💣" * 300, "Align", " align", "%s%n")
ODD_NUMBERS = (0, -1, 2, 2**31, 2**62, 2**63 - 1, -(2**63))
NO_STRING = (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 14, 17, 18, 19, 20, 21, 22, 23, 101, 107, 9999)  # DataType numbers


@dataclass(frozen=True)
class Malformed:
    """One request.

    Attributes:
      kind: what is wrong with it.
      method: the full name of the gRPC method.
      message: the request as it goes over the wire.
      codes: the names of the status codes that it may be answered with.
    """

    kind: str
    method: str
    message: bytes
    codes: frozenset[str]


def malformed(seed: int, count: int) -> Iterator[Malformed]:
    """Yields `count` requests, each kind in turn, the same ones for the same seed."""
    rng = random.Random(seed)
    for position in range(count):
        kind, (make, codes) = list(KINDS.items())[position % len(KINDS)]
        method, message = make(rng)
        yield Malformed(kind, method, message, frozenset(codes.split()))


def predict(signature: str = "encode_text", **inputs: list[bytes]) -> Any:
    """Returns a PredictRequest of string tensors [N]."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    request.model_spec.signature_name = signature
    for name, values in inputs.items():
        proto = request.inputs[name]
        proto.dtype = tf.string.as_datatype_enum
        proto.tensor_shape.dim.add(size=len(values))
        proto.string_val.extend(values)
    return request


def text() -> Any:
    """Returns a PredictRequest in which nothing is wrong."""
    return predict(text=[b"red", b"green blue"])


def _predicted(change: Callable[[random.Random, Any], None]) -> Callable[[random.Random], tuple[str, bytes]]:
    """Returns a maker of good PredictRequests with one change."""

    def make(rng: random.Random) -> tuple[str, bytes]:
        request = text()
        change(rng, request)
        return PREDICTION + "Predict", request.SerializeToString()

    return make


def _dtype(rng: random.Random, request: Any) -> None:
    request.inputs["text"].dtype = rng.choice(NO_STRING)


def _shape(rng: random.Random, request: Any) -> None:
    """A shape that is not fully known, or of more than memory holds."""
    shape = request.inputs["text"].tensor_shape
    shape.Clear()
    if rng.random() < 0.2:
        shape.unknown_rank = True
    else:
        for _ in range(rng.randint(0, 5)):
            shape.dim.add(size=rng.randint(1, 3))
        shape.dim.add(size=rng.choice((-1, -(2**63), 2**40, 2**62, 2**31)))


def _too_many_values(rng: random.Random, request: Any) -> None:
    request.inputs["text"].string_val.extend([b"x"] * rng.randint(1, 9))


def _rank(rng: random.Random, request: Any) -> None:
    """A tensor that is whole, but of another rank than the signature's."""
    shape = request.inputs["text"].tensor_shape
    shape.Clear()
    for _ in range(rng.choice((0, 2, 3, 4))):
        shape.dim.add(size=rng.randint(1, 2))
    del request.inputs["text"].string_val[1:]


def _content(rng: random.Random, request: Any) -> None:
    """Strings packed into tensor_content whose lengths lie."""
    proto = request.inputs["text"]
    del proto.string_val[:]
    proto.tensor_content = rng.choice((b"\xff\xff\xff\xff\x0f", b"\x05\x05ab", b"\x80", rng.randbytes(9) + b"\x7f"))


def _inputs(rng: random.Random, request: Any) -> None:
    """An input too many, too few, or by another name."""
    change = rng.choice(("more", "fewer", "another"))
    if change != "fewer":
        request.inputs[rng.choice(ODD_NAMES)].CopyFrom(request.inputs["text"])
    if change != "more":
        del request.inputs["text"]


def _model(rng: random.Random, request: Any) -> None:
    request.model_spec.name = rng.choice(ODD_NAMES)


def _version(rng: random.Random, request: Any) -> None:
    request.model_spec.version.value = rng.choice((*ODD_NUMBERS, rng.randint(-(2**63), 2**63 - 1)))


def _label(rng: random.Random, request: Any) -> None:
    request.model_spec.version_label = rng.choice(ODD_NAMES)


def _signature(rng: random.Random, request: Any) -> None:
    request.model_spec.signature_name = rng.choice([name for name in ODD_NAMES if name])


def _output_filter(rng: random.Random, request: Any) -> None:
    request.output_filter.extend(rng.choices(("embedding", *ODD_NAMES), k=rng.randint(1, 4)))
    request.output_filter.append(rng.choice(ODD_NAMES))


def _not_utf8(rng: random.Random) -> tuple[str, bytes]:
    """Texts of any bytes, which the tokenizer reads as it can."""
    request = predict(text=[rng.randbytes(rng.randint(0, 40)) for _ in range(rng.randint(1, 3))])
    return PREDICTION + "Predict", request.SerializeToString()


def _image(rng: random.Random) -> tuple[str, bytes]:
    """A picture that is cut, flipped, announced larger than memory, or none."""
    whole = _png(8, 8, rows=True)
    cut = whole[: rng.randint(0, len(whole) - 20)]
    flipped = bytearray(whole)
    flipped[rng.randrange(8)] ^= 1 << rng.randrange(8)
    bombs = (
        _png(2**31 - 1, 2**31 - 1, rows=False),
        _png(60_000, 60_000, rows=False),
        b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x00" * 3,
        b"BM" + struct.pack("<IHHIIiiHH", 54, 0, 0, 54, 40, 2**30, 2**30, 1, 24) + b"\x00" * 24,
        b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03",
    )
    picture = rng.choice((cut, bytes(flipped), *bombs, rng.randbytes(rng.randint(0, 200)), b""))
    return PREDICTION + "Predict", predict("encode_image", image_bytes=[picture]).SerializeToString()


def _png(width: int, height: int, *, rows: bool) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    data = zlib.compress((b"\x00" + b"\x80" * 3 * width) * height) if rows else zlib.compress(b"")
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _junk(rng: random.Random) -> tuple[str, bytes]:
    """Bytes that are no message: a field that announces gigabytes, an unknown wire type, groups without an end."""
    message = rng.choice(
        (
            b"\x12\xff\xff\xff\xff\x07" + rng.randbytes(8),
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0f" + rng.randbytes(5),
            b"\x0b" * rng.randint(1, 2000),
            text().SerializeToString()[:-1],
            b"\x00" + rng.randbytes(4),
        )
    )
    return PREDICTION + rng.choice(("Predict", "Classify", "Regress", "MultiInference", "GetModelMetadata")), message


def _flipped(rng: random.Random) -> tuple[str, bytes]:
    """A good message with some bits flipped, which may still be one."""
    message = bytearray(text().SerializeToString())
    for _ in range(rng.randint(1, 6)):
        message[rng.randrange(len(message))] ^= 1 << rng.randrange(8)
    return PREDICTION + "Predict", bytes(message)


def _examples(rng: random.Random) -> tuple[str, bytes]:
    """Classify, Regress and MultiInference on signatures that are none of theirs."""
    name = rng.choice(("Classify", "Regress"))
    request: Any = {"Classify": classification_pb2.ClassificationRequest, "Regress": regression_pb2.RegressionRequest}[
        name
    ]()
    if rng.random() < 0.3:
        name, request = "MultiInference", inference_pb2.MultiInferenceRequest()
        for _ in range(rng.randint(0, 3)):
            task = request.tasks.add(method_name=rng.choice(("tensorflow/serving/classify", "", "x")))
            task.model_spec.name = rng.choice((MODEL, "", "clip"))
            task.model_spec.signature_name = rng.choice(("encode_text", *ODD_NAMES))
    else:
        request.model_spec.name = MODEL
        request.model_spec.signature_name = rng.choice(("encode_text", *ODD_NAMES))
    for _ in range(rng.randint(0, 2)):
        request.input.example_list.examples.add()
    return PREDICTION + name, request.SerializeToString()


def _metadata(rng: random.Random) -> tuple[str, bytes]:
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    if rng.random() < 0.9:
        request.model_spec.name = rng.choice((MODEL, *ODD_NAMES))
    request.metadata_field.extend(rng.choices(ODD_NAMES, k=rng.randint(0, 3)))
    return PREDICTION + "GetModelMetadata", request.SerializeToString()


def _status(rng: random.Random) -> tuple[str, bytes]:
    request = get_model_status_pb2.GetModelStatusRequest()
    if rng.random() < 0.9:
        request.model_spec.name = rng.choice(ODD_NAMES)
        if rng.random() < 0.5:
            request.model_spec.version.value = rng.choice(ODD_NUMBERS)
    return MODELS + "GetModelStatus", request.SerializeToString()


def _reload(rng: random.Random) -> tuple[str, bytes]:
    """A configuration that cannot be served."""
    request = model_management_pb2.ReloadConfigRequest()
    if rng.random() < 0.3:
        request.config.custom_model_config.type_url = rng.choice(ODD_NAMES)
    else:
        platform = rng.choice(("", "torch", "tensorflow"))
        path = "/absent" if platform != "tensorflow" else rng.choice(("relative", "", "gs://bucket/model"))
        name = rng.choice(ODD_NAMES)
        request.config.model_config_list.config.add(name=name, base_path=path, model_platform=platform)
    return MODELS + "HandleReloadConfigRequest", request.SerializeToString()


def _method(rng: random.Random) -> tuple[str, bytes]:
    return rng.choice((PREDICTION + "Train", "/x/y", MODELS + "predict", "/a")), rng.randbytes(20)


INVALID = "INVALID_ARGUMENT"
KINDS: dict[str, tuple[Callable[[random.Random], tuple[str, bytes]], str]] = {  # kind -> (maker, codes)
    "dtype": (_predicted(_dtype), INVALID),
    "shape": (_predicted(_shape), INVALID),
    "values beyond the shape": (_predicted(_too_many_values), INVALID),
    "rank": (_predicted(_rank), INVALID),
    "packed strings": (_predicted(_content), INVALID),
    "inputs": (_predicted(_inputs), INVALID),
    "model": (_predicted(_model), f"{INVALID} NOT_FOUND"),
    "version": (_predicted(_version), "NOT_FOUND"),
    "label": (_predicted(_label), INVALID),
    "signature": (_predicted(_signature), "FAILED_PRECONDITION"),
    "output filter": (_predicted(_output_filter), INVALID),
    "bytes that are no text": (_not_utf8, f"OK {INVALID}"),
    "picture": (_image, INVALID),
    "junk": (_junk, "INTERNAL"),
    "flipped bits": (_flipped, f"OK {INVALID} NOT_FOUND FAILED_PRECONDITION INTERNAL"),
    "Examples": (_examples, f"{INVALID} NOT_FOUND UNIMPLEMENTED"),
    "metadata": (_metadata, f"{INVALID} NOT_FOUND"),
    "status": (_status, f"{INVALID} NOT_FOUND"),
    "configuration": (_reload, INVALID),
    "method": (_method, "UNIMPLEMENTED"),
}
