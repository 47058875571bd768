"""Makes a SavedModel of a Keras model as nsfwjs bundles it: TensorFlow.js layers and quantized weights in JavaScript.

scripts/fetch_unsafe_scorer runs it on the package's own files, whose checksum it has verified.
Usage: convert_tfjs_scorer.py FOLDER_OF_BUNDLES SAVED_MODEL
"""

from __future__ import annotations

import base64
import json
import math
import re
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

# What a minifier writes and JSON lacks: keys without quotes, !0 and !1, numbers that begin with a point. Strings come
# first, so that nothing inside them is touched.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|(?P<true>!0)|(?P<false>!1)|(?P<key>[A-Za-z_$][\w$]*)(?=:)|(?<!\d)(?P<point>\.)\d'
)

# Layer -> the settings that its answers depend on; initializers, regularizers and the like only mattered in training.
_SETTINGS: dict[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Add": (),
    "AveragePooling2D": ("pool_size", "strides", "padding"),
    "BatchNormalization": ("axis", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv2D": ("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias"),
    "Dense": ("units", "activation", "use_bias"),
    "DepthwiseConv2D": ("kernel_size", "strides", "padding", "depth_multiplier", "activation", "use_bias"),
    "Flatten": (),
    "GlobalAveragePooling2D": (),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "ZeroPadding2D": ("padding",),
}


def read_object(script: str) -> dict:
    """Returns the object that a minified CommonJS module exports."""
    return json.JSONDecoder().raw_decode(_TOKEN.sub(_as_json, script[script.index("exports={") + len("exports=") :]))[0]


def _as_json(match: re.Match) -> str:
    if match["key"]:
        return f'"{match[0]}"'
    if match["point"]:
        return "0" + match[0]
    return "true" if match["true"] else "false" if match["false"] else match[0]


def read_bytes(script: str) -> bytes:
    """Returns the bytes that a minified CommonJS module exports in base64."""
    return base64.b64decode(re.search(r'exports="([A-Za-z0-9+/=]+)"', script)[1])


def read_weights(specs: list[dict], content: bytes) -> dict[str, np.ndarray]:
    """Returns name -> float32 weights: each value is its quantum times a scale plus a least value."""
    weights, start = {}, 0
    for spec in specs:
        quantization = spec.get("quantization")
        dtype = np.dtype(quantization["dtype"] if quantization else spec["dtype"])
        number = math.prod(spec["shape"])
        values = np.frombuffer(content, dtype, number, start).astype(np.float32).reshape(spec["shape"])
        start += number * dtype.itemsize
        if quantization:
            values = values * np.float32(quantization["scale"]) + np.float32(quantization["min"])
        weights[spec["name"]] = values
    if start != len(content):
        raise ValueError(f"the weights take {start} bytes and the bundle holds {len(content)}")
    return weights


def build(topology: dict, weights: dict[str, np.ndarray]) -> keras.Model:
    """Returns the Keras model with its weights."""
    tensors, inputs = {}, []
    for entry in topology["layers"]:
        kind, settings, name = entry["class_name"], entry["config"], entry["name"]
        if kind == "InputLayer":
            tensors[name] = keras.Input(settings["batch_input_shape"][1:])
            inputs.append(tensors[name])
            continue
        (sources,) = entry["inbound_nodes"]
        given = [tensors[source[0]] for source in sources]
        if kind == "Dropout":  # only at work in training
            (tensors[name],) = given
            continue
        if kind not in _SETTINGS:
            raise ValueError(f"layer {name} is a {kind}, which this script does not know; it knows {sorted(_SETTINGS)}")
        layer = getattr(keras.layers, kind)(**{key: settings[key] for key in _SETTINGS[kind]})
        tensors[name] = layer(given[0] if len(given) == 1 else given)
        for variable in layer.weights:
            renamed = kind == "DepthwiseConv2D" and variable.name == "kernel"  # by Keras 3
            variable.assign(weights.pop(f"{name}/{'depthwise_kernel' if renamed else variable.name}"))
    if weights:
        raise ValueError(f"no layer takes the weights {sorted(weights)}")
    ((output, *_),) = topology["output_layers"]
    return keras.Model(inputs, tensors[output])


def main(bundles: Path, target: Path) -> None:
    """Convert the model in one folder of the package."""
    model = read_object((bundles / "model.min.js").read_text())
    specs = [spec for group in model["weightsManifest"] for spec in group["weights"]]
    content = b"".join(read_bytes(path.read_text()) for path in sorted(bundles.glob("group1-shard*.min.js")))
    scorer = build(model["modelTopology"]["model_config"]["config"], read_weights(specs, content))
    module = tf.Module()
    module.model = scorer
    spec = tf.TensorSpec([None, *scorer.inputs[0].shape[1:]], tf.float32, name="images")

    @tf.function(input_signature=[spec])
    def classify(images):
        return {"classes": scorer(images, training=False)}

    tf.saved_model.save(module, str(target), signatures=classify.get_concrete_function())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
