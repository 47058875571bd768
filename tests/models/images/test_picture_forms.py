"""Ingest, filter, training, evaluation, queries, serving and clients see one table of pictures alike, exactly."""

from __future__ import annotations

import io
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components.pair_example_gen.judging.images import prepare
from components.pair_example_gen.judging.records import Caption, Captions
from components.pair_example_gen.pair_example import to_example
from components.pair_example_gen.passes.training_decoder import decode_as_training_does
from components.pair_filter.copies.fingerprint import fingerprint
from models.config import ModelConfig
from models.images.decoding import decode
from models.images.resize import resize
from models.records.input_pipeline import training_batches
from models.saving.export import ServedEncoder, export
from models.texts.tokenizer import Tokenizer
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig
from picture_forms import SHOWN, STORED, Form, forms
from serving import signatures
from serving.client import AlignClient
from serving.encoders.saved_model import SavedModelEncoder
from serving.pictures import View
from serving.server.server import ModelServer
from small_training import CUSTOM_CONFIG, PIECES
from tfx_pipeline.commands.search.query import read_query_image

MODEL = ModelConfig(**{**CUSTOM_CONFIG["model"], "image_resize_px": 16})
FORMS = forms()
SERVED = [form for form in FORMS if form.is_served]
REFUSED = [form for form in FORMS if not form.is_served]


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def by_name(form: Form) -> str:
    return form.name


@pytest.fixture(scope="module")
def ingested() -> list[bytes]:
    """Returns what ingest keeps of each form."""
    return [prepare(form.encoded, form.extension, 10**6, decode_as_training_does).encoded for form in FORMS]


@pytest.fixture(scope="module")
def examples(ingested) -> list[bytes]:
    captions = Captions(kept=[Caption("a square", "en")])
    pictures = [prepare(encoded, "", 10**6, decode_as_training_does) for encoded in ingested]
    return [to_example(picture, captions, "red", str(row), "train") for row, picture in enumerate(pictures)]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """Returns the base folder of a small model whose batch norm knows one batch, so that vectors tell images apart."""
    tokenizer = Tokenizer(PIECES, MODEL.text_max_pieces)
    keras.utils.set_random_seed(1)
    encoder = build_dual_encoder(MODEL, TrainingConfig(), tokenizer.size)
    for layer in encoder.image_tower._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    noise = np.random.default_rng(0).normal(0.3, 0.5, (16, 16, 16, 3)).astype(np.float32)
    encoder.encode_image(noise, training=True)
    base = tmp_path_factory.mktemp("models")
    export(ServedEncoder(encoder, MODEL, tokenizer), str(base / "1"))
    return base


@pytest.fixture(scope="module")
def client(base):
    with ModelServer(base, port=0) as server, AlignClient(server.address) as client:
        yield client


@pytest.fixture(scope="module")
def served(base):
    return tf.saved_model.load(str(base / "1")).signatures


@pytest.fixture(scope="module")
def right(served):
    """Returns a function: forms -> [N, D] vectors of plain PNGs of what a person sees of them."""

    def embed(which: list[Form]) -> tf.Tensor:
        seen = tf.constant([png(form.pixels) for form in which])
        return served[signatures.ENCODE_IMAGE](image_bytes=seen)["embedding"]

    return embed


def test_the_vectors_tell_pictures_apart(right):
    assert len({row.tobytes() for row in right(FORMS).numpy()}) >= 30
    turned = [Form("", b"", "", show(STORED)) for show in SHOWN.values()]
    assert len({row.tobytes() for row in right(turned).numpy()}) == len(SHOWN)


@pytest.mark.parametrize("row", range(len(FORMS)), ids=[form.name for form in FORMS])
def test_what_ingest_keeps_looks_as_it_is_meant_to(ingested, row):
    form = FORMS[row]
    picture = prepare(form.encoded, form.extension, 10**6, decode_as_training_does)
    assert (picture.height, picture.width, 3) == form.pixels.shape
    np.testing.assert_array_equal(decode(tf.constant(ingested[row])), form.pixels)
    np.testing.assert_array_equal(View(ingested[row]).pixels(), form.pixels)
    assert View(ingested[row]).settled().encoded == ingested[row]
    assert picture.fingerprint == fingerprint(picture.encoded)


def test_the_filter_knows_each_form_by_its_look(ingested):
    """JPEG is left out: at its reduced scale libjpeg makes other greys than at the whole one."""
    lossless = [row for row, encoded in enumerate(ingested) if encoded.startswith(b"\x89PNG")]
    assert len(lossless) > 40
    for row in lossless:
        assert fingerprint(ingested[row]) == fingerprint(png(FORMS[row].pixels)), FORMS[row].name


def test_training_is_fed_each_form_as_it_looks(examples, tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "data-00000-of-00001.gz"), "GZIP") as writer:
        for example in examples:
            writer.write(example)
    training = TrainingConfig(batch=len(FORMS), steps=1, warmup_steps=0, kept_images_gib=0.0, horizontal_flip=False)
    tokenizer = Tokenizer(PIECES, MODEL.text_max_pieces)
    batch = next(iter(training_batches([str(tmp_path / "*")], MODEL, training, tokenizer)))
    expected = np.stack([resize(tf.constant(form.pixels), MODEL.image_crop_px) for form in FORMS])
    found = {image.tobytes() for image in batch["image"].numpy()}
    assert found == {image.tobytes() for image in expected}


def test_evaluation_sees_each_form_as_it_looks(served, right, examples):
    found = served[signatures.EVALUATE](examples=tf.constant(examples))["image_embedding"]
    np.testing.assert_array_equal(found, right(FORMS))


def test_the_served_model_sees_each_form_as_it_looks(served, right):
    found = served[signatures.ENCODE_IMAGE](image_bytes=tf.constant([form.encoded for form in SERVED]))["embedding"]
    np.testing.assert_array_equal(found, right(SERVED))


@pytest.mark.parametrize("form", REFUSED, ids=by_name)
def test_the_served_model_refuses_what_it_cannot_show(served, form):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"; send (a JPEG or PNG|one of these)"):
        served[signatures.ENCODE_IMAGE](image_bytes=tf.constant([form.encoded]))


def test_clients_and_queries_show_each_form_as_it_looks(base, client, right, tmp_path):
    encoded = [form.encoded for form in FORMS]
    asked = []
    for row, form in enumerate(FORMS):
        (tmp_path / f"{row}.{form.extension}").write_bytes(form.encoded)
        asked.append(read_query_image(tmp_path / f"{row}.{form.extension}"))
    np.testing.assert_allclose(client.encode_image(encoded), right(FORMS), atol=1e-6)  # in batches of another size
    here = SavedModelEncoder(base / "1")
    np.testing.assert_allclose(here.encode_image(encoded), right(FORMS), atol=1e-6)
    np.testing.assert_allclose(here.encode_image(asked), right(FORMS), atol=1e-6)
    for image, form in zip(asked, FORMS, strict=True):
        plain = np.asarray(Image.open(io.BytesIO(image)).convert("RGB"))
        if "16 bits" not in form.name:  # of a PNG of 16 bits Pillow's own conversion clips the greys
            np.testing.assert_array_equal(plain, form.pixels, form.name)


def test_no_image_gives_no_vector(served, client):
    none = tf.constant([], tf.string)
    assert served[signatures.ENCODE_IMAGE](image_bytes=none)["embedding"].shape == (0, MODEL.embedding)
    assert client.encode_image([]).shape == (0, MODEL.embedding)
