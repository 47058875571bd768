"""What all tests share: their order, what makes them quick, and a small SavedModel to work out answers of by hand."""

from __future__ import annotations

import gc
import io
from pathlib import Path

import pytest
from hypothesis import settings
from quick_beam import find_out_once

settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
settings.load_profile("untimed")

gc.disable()  # while every test file is imported, and with them TensorFlow, Beam and TFX
LONG = ("e2e", "tfx_pipeline")  # folders whose files take longest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with long files, so that at the end no process of `make test` waits for another's."""
    items.sort(key=lambda item: item.path.relative_to(config.rootpath).parts[1] not in LONG)


def pytest_collection_finish() -> None:
    """Collect garbage from here on, but look for none in what was imported."""
    find_out_once()
    gc.freeze()
    gc.set_threshold(5_000, 10, 20)  # a traced graph is some hundred thousand objects, of which few are garbage
    gc.enable()


@pytest.fixture(scope="session")
def colour_model(tmp_path_factory) -> Path:
    """A SavedModel with the project's signatures in a space of red, green, blue and a constant.

    An image is its mean colour in [0, 1], a text the sum of the colours that it names, both with 0.1 behind and then
    of unit length. Words are split and lower-cased by TF Text's ops, so that a server must have them registered.
    """
    import tensorflow as tf
    import tensorflow_text as tf_text

    from components import schema
    from serving import signatures

    class ColourModel(tf.Module):
        def __init__(self):
            super().__init__()
            self.colours = tf.Variable([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=tf.float32)
            self.words = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(["red", "green", "blue"], tf.range(3)), default_value=3
            )

        def images(self, encoded):
            def mean_colour(one):
                pixels = tf.io.decode_image(one, channels=3, expand_animations=False)
                return tf.reduce_mean(tf.cast(pixels, tf.float32), axis=[0, 1]) / 255

            means = tf.map_fn(mean_colour, encoded, fn_output_signature=tf.TensorSpec([3], tf.float32))
            return self.unit(means)

        def texts(self, text):
            words = tf_text.WhitespaceTokenizer().tokenize(tf_text.case_fold_utf8(text))
            rows = words.with_values(self.words.lookup(words.values))
            return self.unit(tf.reduce_sum(tf.gather(self.colours, rows), axis=1))

        def unit(self, vectors):
            return tf.math.l2_normalize(tf.pad(vectors, [[0, 0], [0, 1]], constant_values=0.1), axis=-1)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def encode_image(self, image_bytes):
            return {signatures.EMBEDDING: self.images(image_bytes)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def encode_text(self, text):
            return {signatures.EMBEDDING: self.texts(text)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def evaluate(self, examples):
            features = {schema.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string)}
            features[schema.CLASS_LABEL] = tf.io.FixedLenFeature([], tf.string)
            parsed = tf.io.parse_example(examples, features)
            return {
                signatures.IMAGE_EMBEDDING: self.images(parsed[schema.IMAGE_ENCODED]),
                signatures.CAPTION_COUNT: tf.ones_like(examples, tf.int64),
                signatures.LABEL: parsed[schema.CLASS_LABEL],
            }

    model = ColourModel()
    path = tmp_path_factory.mktemp("colour_model") / "saved"
    served = {name: getattr(model, name) for name in ("encode_image", "encode_text", "evaluate")}
    tf.saved_model.save(model, str(path), signatures=served)
    return path


@pytest.fixture(scope="session")
def pair_models(tmp_path_factory) -> Path:
    """The base folder of hand_made_pair's model, version 1."""
    from hand_made_pair import pair
    from models.saving.export import export

    base = tmp_path_factory.mktemp("pair_models")
    export(pair(), str(base / "1"))
    return base


@pytest.fixture(scope="session")
def coloured_png():
    """Returns a function: (red, green, blue) in 0..255 -> bytes of a small PNG of that colour."""
    from PIL import Image

    def png(*colour: int) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (6, 5), colour).save(buffer, "PNG")
        return buffer.getvalue()

    return png
