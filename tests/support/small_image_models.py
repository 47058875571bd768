"""Tiny real models of images for tests: SavedModels by TensorFlow, and ONNX files written byte by byte.

Both kinds answer with the mean of each channel of an image: what a red, a green or a blue picture gets can be said by
hand. ONNX files are written here because the onnx package is not needed to run them, and so is not installed.
"""

from __future__ import annotations

from pathlib import Path

FLOAT, UINT8 = 1, 2  # onnx.TensorProto.DataType


def save_channel_means(folder: Path, side: int = 4, outputs: tuple[str, ...] = ("means",)) -> str:
    """Save a SavedModel: [B, side, side, 3] float32 -> under each name, [B, 3] means of the channels."""
    import tensorflow as tf

    module = tf.Module()
    function = tf.function(
        lambda images: {name: tf.reduce_mean(images, axis=[1, 2]) for name in outputs},
        input_signature=[tf.TensorSpec([None, side, side, 3], tf.float32, name="images")],
    )
    tf.saved_model.save(module, str(folder), signatures=function.get_concrete_function())
    return str(folder)


def save_failing(folder: Path, side: int = 4) -> str:
    """Save a SavedModel that refuses any image with a mean above 100 of 255."""
    import tensorflow as tf

    def means(images):
        with tf.control_dependencies([tf.debugging.assert_less(tf.reduce_mean(images), 100.0, message="too bright")]):
            return {"mean": tf.reduce_mean(images, axis=[1, 2, 3]) / 255}

    function = tf.function(means, input_signature=[tf.TensorSpec([None, side, side, 3], tf.float32, name="images")])
    tf.saved_model.save(tf.Module(), str(folder), signatures=function.get_concrete_function())
    return str(folder)


def save_onnx_channel_means(path: Path, side: int = 4, dtype: int = FLOAT) -> str:
    """Write an ONNX file: "images", [B, 3, side, side] float32 or uint8 -> "means", [B, 3] float32."""
    cast = _node("Cast", "images", "floats", _integer("to", FLOAT))
    mean = _node("ReduceMean", "floats", "means", _integers("axes", (2, 3)), _integer("keepdims", 0))
    graph = b"".join(
        [
            _field(1, cast),
            _field(1, mean),
            _field(2, b"channel_means"),
            _field(11, _value("images", dtype, ("B", 3, side, side))),
            _field(12, _value("means", FLOAT, ("B", 3))),
        ]
    )
    # ModelProto: ir_version = 8, graph, opset_import of the default domain at 13, the last where ReduceMean has axes.
    path.write_bytes(_number(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, 13)))
    return str(path)


def _varint(value: int) -> bytes:
    head, rest = value & 0x7F, value >> 7
    return bytes([head | 0x80]) + _varint(rest) if rest else bytes([head])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _field(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _node(kind: str, source: str, target: str, *attributes: bytes) -> bytes:
    """NodeProto: input, output, op_type, attribute."""
    return b"".join(
        [_field(1, source.encode()), _field(2, target.encode()), _field(4, kind.encode())]
        + [_field(5, attribute) for attribute in attributes]
    )


def _integer(name: str, value: int) -> bytes:
    """AttributeProto: name, i, type = INT."""
    return _field(1, name.encode()) + _number(3, value) + _number(20, 2)


def _integers(name: str, values: tuple[int, ...]) -> bytes:
    """AttributeProto: name, ints, type = INTS."""
    return _field(1, name.encode()) + b"".join(_number(8, value) for value in values) + _number(20, 7)


def _value(name: str, dtype: int, shape: tuple[int | str, ...]) -> bytes:
    """ValueInfoProto: name, type.tensor_type of elem_type and shape; a dimension is a number or a name."""
    dimensions = b"".join(
        _field(1, _number(1, size) if isinstance(size, int) else _field(2, size.encode())) for size in shape
    )
    return _field(1, name.encode()) + _field(2, _field(1, _number(1, dtype) + _field(2, dimensions)))
