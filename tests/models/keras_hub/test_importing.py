"""What is served of a KerasHub model, beside KerasHub's own forward pass on the same pictures and texts."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import grpc
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc
from typer.testing import CliRunner

from models.keras_hub import texts
from models.keras_hub.importing import SERVABLE_FOLDER, import_keras_hub, served_backbone
from models.keras_hub.presets import load
from models.saving.export import export
from predict_requests import predict_request
from serving.encoders.encoder import EncodeError
from serving.encoders.opening import open_encoder
from serving.pictures import View
from serving.server.server import ModelServer
from tf_serving_ops import refusals
from tfx_pipeline.cli import app
from tfx_pipeline.commands.keras_hub import bring_in
from tfx_pipeline.settings.config import ConfigError
from tiny_presets import SIDE_PX

TOLERANCE = 1e-5
TEXTS = [*texts.PROBES, "the photo of the red cat", "dog 123 66", "a DOG’s!!"]
# Outside of a graph KerasHub 0.32 reads texts with other libraries, which differ on control characters and the like.
READABLE = "abcdefghijklmnopqrstuvwxyzABCDXYZÀÉÎÕñßžŽЖж猫東のم0123456789²½" + " \t\n'’`!?.,-_<>&|/()#€🐈\u0301\u00a0"


@dataclass
class Served:
    """A model of KerasHub, and what answers for it once it was imported."""

    backbone: Any
    preprocessor: Any
    encode_image: Callable[[Sequence[bytes]], np.ndarray]
    encode_text: Callable[[Sequence[str]], np.ndarray]
    compare: Callable[[Sequence[bytes], Sequence[str]], Mapping[str, np.ndarray]]  # cosines and probabilities
    folder: Path  # of a SavedModel with its tokenizer inside

    def own_texts(self, asked):
        """Returns KerasHub's embeddings by its own preprocessor, outside of any graph."""
        inputs = {"prompts": list(asked), "images": np.zeros((1, SIDE_PX, SIDE_PX, 3), np.float32)}
        return unit(self.backbone.get_text_embeddings(np.asarray(self.preprocessor(inputs)["token_ids"])))

    def own_images(self, encoded):
        pictures = [np.asarray(View(one).pixels(), np.float32)[None] for one in encoded]
        converted = [np.asarray(self.preprocessor.image_converter(picture))[0] for picture in pictures]
        return unit(self.backbone.get_vision_embeddings(np.stack(converted)))

    @cached_property
    def own(self):
        """Of TEXTS."""
        return self.own_texts(TEXTS)


def unit(vectors):
    vectors = keras.ops.convert_to_numpy(vectors)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def server(presets, tmp_path_factory):
    """Serves the CLIP."""
    to = tmp_path_factory.mktemp("clip") / "ours"
    import_keras_hub(str(presets["clip"]), to)
    shutil.rmtree(to / SERVABLE_FOLDER / "1" / "assets.extra")  # the requests that warm a server up take it 8 s
    with ModelServer(to / SERVABLE_FOLDER, port=0) as server:
        yield server, to


@pytest.fixture(scope="module")
def clip(presets, server):
    """A CLIP that was imported whole and is asked through a server."""
    client = open_encoder(server[0].address)
    folder = server[1] / SERVABLE_FOLDER / "1"
    with grpc.insecure_channel(server[0].address) as channel:
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict

        def compare(image_bytes, text):
            answer = predict(predict_request("similarity", image_bytes=image_bytes, text=text), timeout=60)
            return {name: tf.make_ndarray(values) for name, values in answer.outputs.items()}

        yield Served(*load(str(presets["clip"])), client.encode_image, client.encode_text, compare, folder)


@pytest.fixture(scope="module")
def siglip(presets, tmp_path_factory):
    """A SigLIP of which the half for texts is saved and loaded: pictures and comparisons take CLIP's way."""
    served = served_backbone(*load(str(presets["siglip"])))
    folder = tmp_path_factory.mktemp("siglip") / "texts"
    export(served.texts, str(folder))
    encode_text = tf.saved_model.load(str(folder)).signatures["encode_text"]

    def texts(given):
        return encode_text(text=tf.constant(given, tf.string))["embedding"].numpy()

    def images(given):
        return served.encode_image(tf.constant(given, tf.string))["embedding"].numpy()

    def compare(image_bytes, text):
        return {name: value.numpy() for name, value in served.compare(images(image_bytes), texts(text)).items()}

    return Served(*load(str(presets["siglip"])), images, texts, compare, folder)


@pytest.fixture(scope="module", params=["clip", "siglip"])
def imported(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def pictures():
    """Encoded pictures of many looks; one is of exactly the size that the towers take."""
    random = np.random.default_rng(0)

    def encoded(height, width, channels=3, form="PNG", **more):
        shape = (height, width, channels) if channels > 1 else (height, width)
        coarse = random.integers(0, 256, (3, 3, *shape[2:]), np.uint8)
        image = Image.fromarray(np.kron(coarse, np.ones((40, 40, *[1] * (channels > 1)), np.uint8))).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        file = io.BytesIO()
        image.save(file, form, **more)
        return file.getvalue()

    exif = Image.Exif()
    exif[0x0112] = 6
    return [
        encoded(SIDE_PX, SIDE_PX),
        encoded(40, 90),
        encoded(70, 23),
        encoded(5, 9),
        encoded(33, 33, channels=4),
        encoded(20, 50, channels=1),
        encoded(48, 31, form="JPEG", quality=95, exif=exif),
    ]


def test_the_towers_tell_inputs_apart(imported, pictures):
    """Or a model that answers the same whatever it is asked would pass."""
    for own in (imported.own_images(pictures), imported.own):
        cosines = own @ own.T - np.eye(len(own))
        assert np.median(cosines) < 0.98


def test_served_images_are_those_of_keras_hub(imported, pictures):
    served = imported.encode_image(pictures)
    np.testing.assert_allclose(served, imported.own_images(pictures), atol=TOLERANCE, rtol=0)
    assert imported.encode_image([]).shape == (0, served.shape[1])


def test_a_picture_that_broke_off_is_refused(clip, pictures):
    with pytest.raises(EncodeError, match=r"INVALID_ARGUMENT: .*PNG"):
        clip.encode_image([pictures[0][:-40]])


def test_served_texts_are_those_of_keras_hub(imported):
    served = imported.encode_text(TEXTS)
    np.testing.assert_allclose(served, imported.own, atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(imported.encode_text(TEXTS[::-1])[::-1], served, atol=1e-6)


@settings(max_examples=1, deadline=None)
@given(asked=st.lists(st.text(READABLE, max_size=30), min_size=60, max_size=80))
def test_any_texts_are_those_of_keras_hub(imported, asked):
    np.testing.assert_allclose(imported.encode_text(asked), imported.own_texts(asked), atol=TOLERANCE, rtol=0)


def test_tensorflow_serving_has_each_operation_as_it_is_saved(imported):
    assert refusals(imported.folder) == []


def test_the_graph_holds_no_table_that_grows(imported):
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((imported.folder / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    ops = {
        node.op for part in (graph.node, *(function.node_def for function in graph.library.function)) for node in part
    }
    ops -= {function.signature.name for function in graph.library.function}
    assert not {op for op in ops if "MutableHashTable" in op or "PyFunc" in op}
    assert "Placeholder" in ops


def test_probabilities_are_a_softmax_at_the_models_own_temperature(imported, pictures):
    answer = imported.compare(pictures, TEXTS)
    cosines = imported.own_images(pictures) @ imported.own.T
    np.testing.assert_allclose(answer["cosine"], cosines, atol=TOLERANCE, rtol=0)
    (scale,) = (weight for weight in imported.backbone.variables if weight.name == "logit_scale")
    powers = np.exp(np.exp(float(scale)) * (cosines - cosines.max(1, keepdims=True)))
    np.testing.assert_allclose(answer["probability"], powers / powers.sum(1, keepdims=True), atol=1e-4, rtol=0)


def test_the_command_writes_it_and_says_what_is_refused(tmp_path, monkeypatch):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "note").touch()
    done = CliRunner().invoke(app, ["import-keras-hub", "no_such_preset", "--to", str(tmp_path / "new")])
    assert "KerasHub loads no Backbone of no_such_preset" in str(done.exception)
    with pytest.raises(ConfigError, match="to is there already; give a folder that is not"):
        bring_in("no_such_preset", tmp_path / "to", Console())
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    for module in [name for name in sys.modules if name.startswith("models.keras_hub.")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(ConfigError, match=r"needs keras-hub, which is not installed; .*'\.\[keras-hub\]'"):
        bring_in("no_such_preset", tmp_path / "new", Console())
