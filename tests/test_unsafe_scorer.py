"""scripts/fetch_unsafe_scorer: what it refuses, and that what it converts answers as the Keras model that was bundled.

Nothing is fetched: a stand-in takes npm's place where the script would get that far.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "scripts" / "fetch_unsafe_scorer"


@pytest.fixture(scope="module")
def converter():
    spec = importlib.util.spec_from_file_location("convert_tfjs_scorer", ROOT / "scripts" / "convert_tfjs_scorer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def minified(value) -> str:
    """Returns a value as a minifier writes it: keys bare, !0 and !1, numbers that begin with a point."""
    text = json.dumps(value, separators=(",", ":"))
    text = re.sub(r'"(\w+)":', r"\1:", text).replace("true", "!0").replace("false", "!1")
    return re.sub(r"(?<![\d\"])0\.(\d)", r".\1", text)


def module(exported: str) -> str:
    """Returns a CommonJS bundle as nsfwjs has it, which exports what is given."""
    return f"!function(e){{var x={{a:1}};e()}}({{1:[function(e,a,n){{a.exports={exported}}},{{}}]}},{{}},[1])(1)}});"


def test_a_minified_object_is_read(converter):
    value = {"a": [None, -0.5, 0.25, 10.05, 1e-7, True, False], "b_1": {"text": '!0,c:.5 "x:" \\', "empty": {}}}
    script = module(minified(value | {"b_1": None})).replace(
        "b_1:null", "b_1:" + '{text:"!0,c:.5 \\"x:\\" \\\\",empty:{}}'
    )
    assert converter.read_object(script) == value


def test_bytes_are_read(converter):
    assert converter.read_bytes(module(f'"{base64.b64encode(b"weights").decode()}"')) == b"weights"


def test_weights_are_scaled_back_and_counted(converter):
    specs = [
        {"name": "a", "shape": [2], "dtype": "float32", "quantization": {"min": -1, "scale": 0.5, "dtype": "uint8"}},
        {"name": "b", "shape": [1, 2], "dtype": "float32"},
    ]
    content = bytes([0, 255]) + np.array([0.1, 0.2], np.float32).tobytes()
    found = converter.read_weights(specs, content)
    assert found["a"].tolist() == [-1, 126.5]
    assert found["b"].shape == (1, 2)
    with pytest.raises(ValueError, match="take 10 bytes and the bundle holds 11"):
        converter.read_weights(specs, content + b"x")


@pytest.fixture(scope="module")
def keras_model():
    """A model of every kind of layer that is known, with weights that matter."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    images = keras.Input((12, 12, 3))
    left = layers.ZeroPadding2D(((0, 1), (0, 1)))(images)
    left = layers.Conv2D(4, 3, strides=2, use_bias=False)(left)
    left = layers.BatchNormalization(epsilon=0.01, scale=False)(left)
    left = layers.ReLU(max_value=0.5)(left)
    left = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, use_bias=True)(left)
    left = layers.Activation("tanh")(left)
    right = layers.Conv2D(8, 1, padding="same", activation="relu")(layers.AveragePooling2D(2)(images))
    both = layers.Concatenate(axis=-1)([layers.Add()([left, right]), right])
    pooled = layers.Concatenate()(
        [layers.Flatten()(layers.MaxPooling2D(3, strides=2)(both)), layers.GlobalAveragePooling2D()(both)]
    )
    model = keras.Model(images, layers.Dense(5, activation="softmax")(layers.Dropout(0.5)(pooled)))
    random = np.random.default_rng(1)
    model.set_weights([random.uniform(0.1, 0.9, weight.shape) for weight in model.get_weights()])
    return model


def bundle(model, folder: Path) -> Path:
    """Writes a Keras model as TensorFlow.js layers in two shards of JavaScript."""
    layers, weights = [], {}
    for layer in model.layers:
        history = layer._inbound_nodes[0].arguments.keras_tensors if layer._inbound_nodes[0].arguments else []
        entry = {"name": layer.name, "class_name": type(layer).__name__, "config": dict(layer.get_config())}
        entry["inbound_nodes"] = [[[given._keras_history[0].name, 0, 0, {}] for given in history]] if history else []
        if not history:
            entry["config"] = {"batch_input_shape": [None, *model.input_shape[1:]]}
        layers.append(json.loads(json.dumps(entry, default=str)))
        for variable in layer.weights:
            if "seed" not in variable.name:
                name = variable.name
                if type(layer).__name__ == "DepthwiseConv2D" and name == "kernel":
                    name = "depthwise_kernel"
                weights[f"{layer.name}/{name}"] = np.asarray(variable)
    specs = [{"name": name, "shape": list(value.shape), "dtype": "float32"} for name, value in weights.items()]
    topology = {"layers": layers, "output_layers": [[model.layers[-1].name, 0, 0]]}
    content = b"".join(value.tobytes() for value in weights.values())
    folder.mkdir()
    described = {"modelTopology": {"model_config": {"config": topology}}, "weightsManifest": [{"weights": specs}]}
    (folder / "model.min.js").write_text(module(minified(described)))
    for number, part in enumerate((content[:100], content[100:]), 1):
        encoded = base64.b64encode(part).decode()
        (folder / f"group1-shard{number}of2.min.js").write_text(module(f'"{encoded}"'))
    return folder


def test_a_converted_model_answers_as_the_keras_model(converter, keras_model, tmp_path):
    from components.pair_filter.image_models.handlers import ImageModel
    from components.pair_filter.model_config import ImageModelConfig

    converter.main(bundle(keras_model, tmp_path / "bundles"), tmp_path / "saved")
    pixels = np.random.default_rng(2).integers(0, 256, (3, 12, 12, 3), np.uint8)
    found = ImageModel(ImageModelConfig(str(tmp_path / "saved"), 12, "zero_to_one"))(pixels)
    wanted = keras_model(pixels / np.float32(255), training=False).numpy()
    assert found == pytest.approx(wanted, abs=1e-6)
    assert np.ptp(wanted, axis=0).max() > 1e-3, "the pictures get different answers"


def test_a_layer_that_is_not_known_and_weights_that_none_takes_are_named(converter):
    start = {"name": "in", "class_name": "InputLayer", "config": {"batch_input_shape": [None, 2]}, "inbound_nodes": []}
    unknown = {"name": "up", "class_name": "UpSampling2D", "config": {}, "inbound_nodes": [[["in", 0, 0, {}]]]}
    with pytest.raises(ValueError, match="layer up is a UpSampling2D"):
        converter.build({"layers": [start, unknown], "output_layers": [["up", 0, 0]]}, {})
    with pytest.raises(ValueError, match=r"no layer takes the weights \['a/kernel'\]"):
        converter.build({"layers": [start], "output_layers": [["in", 0, 0]]}, {"a/kernel": np.zeros(1)})


def run(*arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PATH": path},
    )


@pytest.fixture
def npm(tmp_path) -> str:
    """A PATH with an npm that puts a file of its own where the package should go."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "npm").write_text(
        '#!/bin/sh\nwhile [ "$1" != --pack-destination ]; do shift; done\necho no >"$2/a.tgz"\n'
    )
    (folder / "npm").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_what_npm_fetches_must_have_the_checksum(npm, tmp_path):
    done = run("mobilenet_v2", str(tmp_path / "scorer"), path=npm)
    assert done.returncode == 1
    assert done.stderr == (
        "fetch_unsafe_scorer: what npm fetched as nsfwjs@4.4.0 is not the package that was checked (its SHA-256 "
        "differs); nothing was kept.\n"
    )
    assert not (tmp_path / "scorer").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet",), "resnet is none of its models: take mobilenet_v2 or inception_v3."),
        (("mobilenet_v2", "{tmp}"), "{tmp} exists already: remove it, or name another folder."),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(arguments, message, tmp_path):
    done = run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert (done.returncode, done.stderr) == (1, f"fetch_unsafe_scorer: {message}\n".format(tmp=tmp_path))
