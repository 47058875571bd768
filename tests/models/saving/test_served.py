"""The signatures that need both halves, on towers whose vectors can be worked out by hand, as a server loads them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from hand_made_pair import BLUE, RED, SIZE, pair
from models.saving.export import export
from models.saving.served import ServedImages, fill
from serving import signatures
from serving.server.core.calls import by_name, step_by_step


@pytest.fixture(scope="module")
def loaded(pair_models):
    return tf.saved_model.load(str(pair_models / "1"))


def ask(loaded, signature: str, **inputs) -> dict[str, np.ndarray]:
    tensors = {name: tf.constant(values, tf.string) for name, values in inputs.items()}
    return {name: value.numpy() for name, value in loaded.signatures[signature](**tensors).items()}


def test_similarity_by_hand(loaded):
    answer = ask(loaded, "similarity", image_bytes=[RED, BLUE], text=["red", "a red", "blue"])
    np.testing.assert_allclose(answer["cosine"], [[1, 0.6, 0], [0, 0.8, 1]], atol=1e-6)
    powers = [math.exp(4), math.exp(4 * 0.6), 1.0]  # a cosine is divided by 1/4
    np.testing.assert_allclose(answer["probability"][0], np.array(powers) / sum(powers), rtol=1e-5)
    np.testing.assert_allclose(answer["probability"].sum(1), [1, 1], rtol=1e-6)


def test_classify_by_hand(loaded):
    answer = ask(loaded, "classify", image_bytes=[RED, BLUE], labels=["blue", "red"], templates=["{}", "a {}"])
    red = np.array([1.6, 0.8]) / math.hypot(1.6, 0.8)  # the mean of [1, 0] and [.6, .8], normalised
    np.testing.assert_allclose(answer["cosine"], [[0, red[0]], [1, red[1]]], atol=1e-6)
    odds = math.exp(4 * red[0])
    np.testing.assert_allclose(answer["probability"][0], [1 / (1 + odds), odds / (1 + odds)], rtol=1e-5)
    assert answer["label"].tolist() == [b"red", b"blue"]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_a_tower_that_begins_with_a_convolution_embeds_none_and_some(padding):
    kernel, bias = tf.random.stateless_normal([2, 2, 3, 5], (0, 0)), tf.ones([5])

    def embed(pixels):
        features = tf.nn.bias_add(tf.nn.conv2d(pixels, kernel, 2, padding), bias)
        with tf.control_dependencies([tf.debugging.assert_positive(tf.shape(features)[0])]):  # on any CPU
            return tf.reduce_mean(features, [1, 2])

    images = ServedImages(lambda decoded: tf.zeros([tf.size(decoded), 8, 8, 3]), embed, (8, 8), {})
    assert images.embed_pixels(tf.zeros([0, 8, 8, 3])).shape == (0, 5)
    some = tf.random.stateless_normal([2, 8, 8, 3], (0, 1))
    np.testing.assert_allclose(images.embed_pixels(some), embed(some), atol=1e-6)


def test_each_signature_is_nothing_but_calls_so_a_server_compiles_each_tower_once(loaded):
    for signature in loaded.signatures.values():
        assert step_by_step(signature, by_name(loaded)) is not signature


def test_equal_labels_name_the_first_and_one_label_is_certain(loaded):
    assert ask(loaded, "classify", image_bytes=[RED], labels=["x", "y"], templates=["{}"])["label"] == [b"x"]
    answer = ask(loaded, "classify", image_bytes=[RED], labels=["x"], templates=["{}"])
    assert answer["probability"].tolist() == [[1.0]]
    assert answer["cosine"].tolist() == [[-1.0]]
    assert answer["label"].tolist() == [b"x"]


@pytest.mark.parametrize("images", [0, 1, 2])
@pytest.mark.parametrize("texts", [0, 1, 3])
def test_none_and_one_of_each(loaded, images, texts):
    pictures, words = [RED, BLUE][:images], ["red", "blue", "green"][:texts]
    alike = ask(loaded, "similarity", image_bytes=pictures, text=words)
    named = ask(loaded, "classify", image_bytes=pictures, labels=words, templates=["{}"])
    for answer in (alike, named):
        assert answer["cosine"].shape == answer["probability"].shape == (images, texts)
        assert answer["cosine"].dtype == answer["probability"].dtype == np.float32
    assert named["label"].tolist() == ([b"red", b"blue" if texts > 1 else b"red"][:images] if texts else [b""] * images)
    assert ask(loaded, "encode_image", image_bytes=pictures)["embedding"].shape == (images, 2)
    assert ask(loaded, "encode_text", text=words)["embedding"].shape == (texts, 2)


@pytest.mark.parametrize("template", ["", "a photo", "{", "{} and {}", "{}{}"])
def test_a_template_without_one_place_for_the_label_is_refused(loaded, template):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"a template must hold \{\} once, where the label stands"):
        ask(loaded, "classify", image_bytes=[RED], labels=["red"], templates=["{}", template])


def test_no_template_is_refused(loaded):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"there is no template; send \{\}"):
        ask(loaded, "classify", image_bytes=[RED], labels=["red"], templates=[])


@pytest.mark.parametrize("signature", ["encode_image", "similarity", "classify"])
def test_a_bad_picture_is_refused_by_each_signature(loaded, signature):
    more = {"similarity": {"text": ["red"]}, "classify": {"labels": ["red"], "templates": ["{}"]}}.get(signature, {})
    with pytest.raises(tf.errors.InvalidArgumentError, match="it is no JPEG, PNG, GIF or BMP"):
        ask(loaded, signature, image_bytes=[RED, b"red"], **more)


def test_pictures_are_decoded_and_embedded_apart_as_together(loaded):
    pixels = loaded.decode_images(tf.constant([RED, BLUE]))
    assert pixels.shape == (2, *SIZE, 3)
    assert pixels.dtype == tf.float32
    together = ask(loaded, "encode_image", image_bytes=[RED, BLUE])["embedding"]
    np.testing.assert_array_equal(loaded.embed_pixels(pixels), together)
    assert loaded.decode_images(tf.constant([], tf.string)).shape == (0, *SIZE, 3)
    assert loaded.embed_pixels(tf.zeros([0, *SIZE, 3])).shape == (0, 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="it is no JPEG, PNG, GIF or BMP"):
        loaded.decode_images(tf.constant([RED, b"red"]))


def test_the_default_answers_as_encode_text(loaded):
    texts = ["red", "blue"]
    default, named = (ask(loaded, name, text=texts)["embedding"] for name in ("serving_default", "encode_text"))
    np.testing.assert_array_equal(default, named)


@pytest.mark.parametrize("no_text", [RED, b"\xff\xd8\xff", b"caf\xe9"])
def test_the_default_takes_no_picture_for_a_text(loaded, no_text):
    with pytest.raises(tf.errors.InvalidArgumentError, match="for pictures name the signature encode_image"):
        ask(loaded, "serving_default", text=["red", no_text])


@given(texts=st.lists(st.text()))
def test_the_default_takes_any_text(loaded, texts):
    found = ask(loaded, "serving_default", text=[text.encode() for text in [*texts, "\ufeffred", "\ufffd", "\0"]])
    assert found["embedding"].shape == (len(texts) + 3, 2)


@pytest.mark.parametrize(
    ("half", "name", "given"),
    [("images", "encode_image", {"image_bytes": [RED]}), ("texts", "encode_text", {"text": ["red"]})],
)
def test_a_half_is_served_alone_and_answers_as_the_whole(loaded, tmp_path, half, name, given):
    export(getattr(pair(), half), str(tmp_path / "1"))
    alone = tf.saved_model.load(str(tmp_path / "1"))
    assert set(alone.signatures) == {name, signatures.DEFAULT}
    for signature in alone.signatures:
        np.testing.assert_array_equal(
            ask(alone, signature, **given)["embedding"], ask(loaded, name, **given)["embedding"]
        )


@given(
    labels=st.lists(st.text(max_size=5), max_size=3),
    around=st.lists(st.tuples(*[st.text(max_size=4).filter(lambda text: "{" not in text and "}" not in text)] * 2)),
)
def test_any_label_is_put_into_any_template_as_it_is(labels, around):
    templates = [f"{before}{{}}{after}" for before, after in around] or ["{}"]
    found = fill(tf.constant(templates, tf.string), tf.constant(labels, tf.string))
    expected = [[template.replace("{}", label).encode() for template in templates] for label in labels]
    assert found.numpy().tolist() == expected
