"""A SavedModel like tensorflow/serving's half_plus_two, and one whose signatures have every kind of input."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig


def save_half_plus_two(folder: Path) -> Path:
    """Write y = x / 2 + 2 with the signatures of tensorflow/serving's test model; returns the folder."""
    module = tf.Module()
    module.half, module.two = tf.Variable(0.5), tf.Variable(2.0)

    def from_examples(examples):
        parsed = tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([1], tf.float32)})
        return module.half * parsed["x"] + module.two

    floats = tf.TensorSpec([None, 1], tf.float32, name="x")
    strings = tf.TensorSpec([None], tf.string, name="inputs")
    flat = tf.TensorSpec(None, tf.float32, name="x")
    functions = {
        "serving_default": tf.function(lambda x: {"y": module.half * x + module.two}, input_signature=[flat]),
        "columns_only": tf.function(lambda x: {"y": tf.reduce_sum(x)}, input_signature=[floats]),
        "regress_x_to_y": tf.function(lambda inputs: {"outputs": from_examples(inputs)}, input_signature=[strings]),
        "classify_x_to_y": tf.function(lambda inputs: {"scores": from_examples(inputs)}, input_signature=[strings]),
    }
    return _save(module, functions, folder)


def save_every_kind(folder: Path) -> Path:
    """Write a model that gives back what it gets: of each dtype, of strings and bytes, of two inputs; returns it."""
    module = tf.Module()
    module.kept = tf.Variable(0.0)
    kinds = ["float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "bool", "string"]
    functions = {
        kind: tf.function(
            lambda x: {"y": tf.identity(x)}, input_signature=[tf.TensorSpec(None, tf.as_dtype(kind), name="x")]
        )
        for kind in [*kinds, "float16"]
    }
    two = [tf.TensorSpec(None, tf.float32, name="a"), tf.TensorSpec(None, tf.string, name="b")]
    functions["two"] = tf.function(lambda a, b: {"a": a + 1.0, "b_bytes": tf.identity(b)}, input_signature=two)
    functions["refuses"] = tf.function(_refuse, input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    return _save(module, functions, folder)


def _refuse(x):
    with tf.control_dependencies([tf.debugging.assert_less(x, 10.0, message="x is ten or more")]):
        return {"y": tf.identity(x)}


def save_both(base: Path) -> ModelServerConfig:
    """Write `half_plus_two` as version 123 and `every_kind` as version 1; returns what serves them by these names."""
    config = ModelServerConfig()
    save_half_plus_two(base / "half_plus_two" / "123")
    save_every_kind(base / "every_kind" / "1")
    for name in ("half_plus_two", "every_kind"):
        config.model_config_list.config.add(name=name, base_path=str(base / name), model_platform="tensorflow")
    return config


def _save(module: tf.Module, functions: dict, folder: Path) -> Path:
    module.functions = list(functions.values())
    tf.saved_model.save(
        module, str(folder), signatures={name: function.get_concrete_function() for name, function in functions.items()}
    )
    return folder
