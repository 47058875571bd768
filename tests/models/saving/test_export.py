"""The SavedModel as a server loads it, against the same towers in process."""

from __future__ import annotations

import io

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from components import schema
from models.config import ModelConfig
from models.images import preprocessing
from models.saving import folding
from models.saving.export import ServedEncoder, export, served_images
from models.saving.folding import fold_tower
from models.texts.tokenizer import Tokenizer
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig
from serving import signatures
from serving.encoders.saved_model import SavedModelEncoder
from tf_serving_ops import refusals

RESERVED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["a", "photo", "of", "sad", "happy", "cat", "dog", "face"]
MODEL = ModelConfig(
    image_width_coefficient=0.25,
    image_depth_coefficient=0.1,
    image_stem_stride=1,
    image_resize_px=20,
    image_crop_px=16,
    text_layers=1,
    text_hidden=16,
    text_heads=2,
    text_intermediate=32,
    text_max_pieces=8,
    embedding=12,
)


def picture(seed: int, size: tuple[int, int] = (24, 18)) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def example(image: bytes, captions: list[str], label: str, texts: list[str]) -> bytes:
    features = {
        schema.IMAGE_ENCODED: [image],
        schema.CAPTION_TEXT: captions,
        schema.CLASS_LABEL: [label],
        schema.CLASS_TEXTS: texts,
    }
    proto = tf.train.Example()
    for name, values in features.items():
        encoded = [value.encode() if isinstance(value, str) else value for value in values]
        proto.features.feature[name].bytes_list.value.extend(encoded)
    return proto.SerializeToString()


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(RESERVED + WORDS, MODEL.text_max_pieces)


@pytest.fixture(scope="module")
def encoder(tokenizer):
    """Towers whose batch norm has taken over the statistics of one batch, so that vectors depend on their inputs."""
    keras.utils.set_random_seed(1)
    encoder = build_dual_encoder(MODEL, TrainingConfig(steps=1, warmup_steps=0, batch=2), tokenizer.size)
    for layer in encoder.image_tower._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    noise = np.random.default_rng(0).normal(0.3, 0.5, (16, 16, 16, 3)).astype(np.float32)
    encoder.encode_image(noise, training=True)
    return encoder


@pytest.fixture(scope="module")
def folder(encoder, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "Format-Serving"
    export(ServedEncoder(encoder, MODEL, tokenizer), str(folder))
    return folder


@pytest.fixture(scope="module")
def served(folder):
    return tf.saved_model.load(str(folder)).signatures


@pytest.fixture(scope="module")
def images_in_process(encoder):
    """Slow oracle: one image at a time through the towers in memory."""

    def embed(image: bytes) -> np.ndarray:
        resized = preprocessing.decode_and_resize(tf.constant(image), MODEL.image_resize_px)
        pixels = preprocessing.scale(preprocessing.central_crop(resized[tf.newaxis], MODEL.image_crop_px))
        return np.asarray(encoder.encode_image(pixels, training=False))[0]

    return embed


@pytest.fixture(scope="module")
def texts_in_process(encoder, tokenizer):
    """Slow oracle: one string at a time through the towers in memory."""
    return lambda text: np.asarray(encoder.encode_text(tokenizer(tf.constant([text])), training=False))[0]


def test_no_half_written_folder_remains(folder):
    assert sorted(path.name for path in folder.parent.iterdir()) == ["Format-Serving"]


def test_who_judges_the_model_learns_its_temperature(folder, encoder):
    told = SavedModelEncoder(folder).temperature
    assert told == pytest.approx(float(encoder.temperature), rel=1e-3)


def test_the_image_tower_is_saved_once_and_folded(folder, encoder):
    graph = (folder / "saved_model.pb").read_bytes()
    for name, weights in fold_tower(encoder.image_tower).items():
        assert graph.count(np.asarray(weights.kernel).tobytes()) == 1, name
    saved = [name for name, _ in tf.train.list_variables(str(folder / "variables" / "variables"))]
    assert any("text_tower" in name for name in saved)
    assert not [name for name in saved if "encoder/" in name or "image_tower" in name]


def test_tensorflow_serving_has_each_operation_as_it_is_saved(folder):
    assert refusals(folder) == []


def test_what_is_saved_needs_neither_xla_nor_gradients(folder):
    """What training compiles stays out of a graph that any server must run."""
    graph = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs[0].graph_def
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    operations = {node.op for node in nodes}
    assert "Conv2D" in operations
    assert operations & {"Erf", "Erfc"}  # GELU, by the one or the other as TensorFlow's version has it
    assert not [node.name for node in nodes if node.op.startswith("Xla") or node.attr["_XlaMustCompile"].b]
    assert not [part.signature.name for part in graph.library.function if part.attr["_XlaMustCompile"].b]
    assert not list(graph.library.gradient)
    assert not [part.signature.name for part in graph.library.function if "gradient" in part.signature.name]


def test_a_tower_that_is_not_frozen_is_saved_with_its_variables(encoder, tmp_path, monkeypatch):
    """Sets the limit to nothing; a tower above the real one takes minutes."""
    monkeypatch.setattr(folding, "FROZEN_BYTES", 0)
    export(served_images(encoder, MODEL), str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    pixels = np.random.default_rng(0).uniform(-1, 1, (2, MODEL.image_crop_px, MODEL.image_crop_px, 3))
    found = loaded.embed_pixels(tf.constant(pixels, tf.float32))
    np.testing.assert_allclose(found, encoder.encode_image(pixels, training=False), atol=1e-5)
    kernels = [w.kernel for w in fold_tower(encoder.image_tower).values()]
    graph = (tmp_path / "model" / "saved_model.pb").read_bytes()
    assert not any(graph.count(kernel.tobytes()) for kernel in kernels)


def test_in_bfloat16_images_are_nearly_those_of_float32_and_texts_the_same(folder, encoder, tokenizer, tmp_path):
    export(ServedEncoder(encoder, MODEL, tokenizer, precision="bfloat16"), str(tmp_path / "1"))
    assert refusals(tmp_path / "1") == []
    images, texts = tf.constant([picture(seed) for seed in range(20)]), tf.constant(["sad cat", "a dog"])
    exact, near = tf.saved_model.load(str(folder)), tf.saved_model.load(str(tmp_path / "1"))
    found, right = (loaded.signatures["encode_image"](image_bytes=images)["embedding"] for loaded in (near, exact))
    assert found.dtype == tf.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    cosines = np.sum(found.numpy() * right.numpy(), axis=1)
    assert cosines.min() > 0.99  # random weights on noise; docs/pushed.md has a trained tower's
    assert np.abs(found - right).max() > 1e-4  # or it would be float32 under another name
    graphs = [(path / "saved_model.pb").read_bytes() for path in (folder, tmp_path / "1")]
    kernel = np.asarray(fold_tower(encoder.image_tower)["stem"].kernel)
    assert [graph.count(kernel.tobytes()) for graph in graphs] == [1, 0]
    np.testing.assert_array_equal(*(loaded.embed_texts(texts) for loaded in (near, exact)))


def test_pixels_are_taken_as_well(folder, encoder):
    pixels = np.random.default_rng(0).uniform(-1, 1, (3, MODEL.image_crop_px, MODEL.image_crop_px, 3))
    loaded = tf.saved_model.load(str(folder))  # held by a name, or its variables would be gone before the call
    found = loaded.embed_pixels(tf.constant(pixels, tf.float32))
    np.testing.assert_allclose(found, encoder.encode_image(pixels, training=False), atol=1e-5)


def test_served_images_equal_those_in_process_at_any_batch(served, images_in_process):
    images = [picture(seed, size) for seed, size in enumerate([(24, 18), (16, 16), (9, 40), (50, 50), (20, 20)])]
    expected = np.stack([images_in_process(image) for image in images])
    for count in (0, 1, 5):
        answer = served[signatures.ENCODE_IMAGE](**{signatures.IMAGE_BYTES: tf.constant(images[:count], tf.string)})
        np.testing.assert_allclose(answer[signatures.EMBEDDING], expected[:count], atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(expected, axis=1), 1, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3


def test_served_texts_equal_those_in_process_at_any_batch(served, texts_in_process):
    texts = ["sad cat", "", "a photo of a happy dog face cat dog cat dog", "Cat!"]
    expected = np.stack([texts_in_process(text) for text in texts])
    for count in (0, 1, 4):
        answer = served[signatures.ENCODE_TEXT](**{signatures.TEXT: tf.constant(texts[:count], tf.string)})
        np.testing.assert_allclose(answer[signatures.EMBEDDING], expected[:count], atol=1e-5)


@pytest.mark.parametrize("broken", [b"", b"no image", picture(0)[:50]])
def test_bytes_that_are_no_image_are_an_invalid_argument(served, broken):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?i)image|png"):
        served[signatures.ENCODE_IMAGE](**{signatures.IMAGE_BYTES: tf.constant([picture(0), broken])})


def test_evaluate_equals_a_loop_over_examples(served, images_in_process, texts_in_process):
    rows = [
        (picture(1), ["sad cat"], "cat", ["cat", "a photo of cat"]),
        (picture(2), ["happy dog", "a dog", "dog dog"], "dog", ["dog"]),
        (picture(3), ["a face", "happy face"], "", []),
        (picture(4), ["cat"], "cat", ["cat", "a photo of cat"]),
        (picture(5), ["a dog face"], "n02084071", ["dog", "happy dog", "dog", "dog face"]),
    ]
    answer = served[signatures.EVALUATE](**{signatures.EXAMPLES: tf.constant([example(*row) for row in rows])})
    answer = {name: value.numpy() for name, value in answer.items()}
    assert answer[signatures.CAPTION_COUNT].tolist() == [1, 3, 2, 1, 1]
    assert answer[signatures.LABEL].tolist() == [b"cat", b"dog", b"", b"cat", b"n02084071"]
    assert answer[signatures.CAPTION_EMBEDDING].shape == (5, 3, MODEL.embedding)
    for index, (image, captions, _, texts) in enumerate(rows):
        np.testing.assert_allclose(answer[signatures.IMAGE_EMBEDDING][index], images_in_process(image), atol=1e-5)
        vectors = np.zeros((3, MODEL.embedding))
        vectors[: len(captions)] = [texts_in_process(caption) for caption in captions]
        np.testing.assert_allclose(answer[signatures.CAPTION_EMBEDDING][index], vectors, atol=1e-5)
        ensemble = np.mean([texts_in_process(text) for text in texts], axis=0) if texts else np.zeros(MODEL.embedding)
        expected = ensemble / (np.linalg.norm(ensemble) or 1)
        np.testing.assert_allclose(answer[signatures.LABEL_EMBEDDING][index], expected, atol=1e-5)


@pytest.mark.parametrize("label", ["", "cat"])
def test_examples_without_any_class_text(served, label):
    proto = example(picture(1), ["sad cat"], label, [])
    answer = served[signatures.EVALUATE](**{signatures.EXAMPLES: tf.constant([proto, proto])})
    np.testing.assert_array_equal(answer[signatures.LABEL_EMBEDDING], np.zeros((2, MODEL.embedding)))
