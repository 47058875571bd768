"""A version whose pictures are decoded apart from the batch: the same vectors, and a bad picture fails alone."""

from __future__ import annotations

import gc
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from serving import signatures
from serving.server.batching.batcher import Batcher
from serving.server.batching.settings import DEFAULT_BATCHING
from serving.server.core.servable import Servable
from serving.server.core.spec import Caller
from serving.server.core.version import Version
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import Refusal


class Staged(tf.Module):
    """Mean colour, in the two functions that a server may call apart."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=signatures.IMAGE_BYTES)])
    def decode_images(self, image_bytes):
        def decode(one):
            return tf.image.resize(tf.io.decode_image(one, channels=3, expand_animations=False), (2, 2))

        return tf.map_fn(decode, image_bytes, fn_output_signature=tf.TensorSpec([2, 2, 3], tf.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 2, 2, 3], tf.float32)])
    def embed_pixels(self, pixels):
        return tf.reduce_mean(pixels, axis=[1, 2])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=signatures.IMAGE_BYTES)])
    def encode_image(self, image_bytes):
        return {signatures.EMBEDDING: self.embed_pixels(self.decode_images(image_bytes))}


@pytest.fixture(scope="module")
def servable(tmp_path_factory):
    path = tmp_path_factory.mktemp("staged") / "1"
    model = Staged()
    tf.saved_model.save(model, str(path), signatures={signatures.ENCODE_IMAGE: model.encode_image})
    return Servable(path)


@pytest.fixture
def version(servable):
    batcher = Batcher(DEFAULT_BATCHING, Monitoring())
    yield Version("m", 1, servable, batcher)
    batcher.close()


def encoded(version, *pictures, **options):
    inputs = {signatures.IMAGE_BYTES: np.array([*pictures, None], object)[:-1]}
    return version.run(signatures.ENCODE_IMAGE, inputs, **options)[signatures.EMBEDDING]


def test_pictures_that_are_decoded_apart_have_the_vectors_of_the_signature(version, servable, coloured_png):
    pictures = [coloured_png(200, 10, 0), coloured_png(0, 0, 0), coloured_png(1, 2, 255)]
    assert servable.decodes_apart(signatures.ENCODE_IMAGE)
    whole = servable.run(signatures.ENCODE_IMAGE, {signatures.IMAGE_BYTES: np.array(pictures, object)})
    np.testing.assert_array_equal(encoded(version, *pictures), whole[signatures.EMBEDDING])
    assert encoded(version).shape == (0, 3)


def test_many_at_once_each_get_their_own(version, coloured_png):
    def ask(red):
        return encoded(version, *([coloured_png(red, 0, 0)] * (red % 3)))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(48)))
    for red, answer in enumerate(answers):
        np.testing.assert_array_equal(answer, np.tile([[red, 0, 0]], (red % 3, 1)))


def test_a_bad_picture_is_refused_with_the_runtimes_words(version):
    with pytest.raises(Refusal, match="Unknown image file format") as caught:
        encoded(version, b"no picture")
    assert caught.value.code.name == "INVALID_ARGUMENT"


def test_outputs_are_chosen_by_name(version, coloured_png):
    inputs = {signatures.IMAGE_BYTES: np.array([coloured_png(1, 1, 1)], object)}
    assert version.run(signatures.ENCODE_IMAGE, inputs, outputs=[]) == {}
    assert set(version.run(signatures.ENCODE_IMAGE, inputs)) == {signatures.EMBEDDING}


def test_who_waits_no_more_gets_no_answer(version, coloured_png):
    with pytest.raises(Refusal) as caught:
        encoded(version, coloured_png(1, 1, 1), caller=Caller(deadline=0.0))
    assert caught.value.code.name == "DEADLINE_EXCEEDED"


def test_a_signature_that_is_none_is_refused(version):
    with pytest.raises(Refusal) as caught:
        version.run("encode_sound", {})
    assert (caught.value.code.name, caught.value.message) == (
        "FAILED_PRECONDITION",
        'Serving signature key "encode_sound" not found.',
    )


def test_an_unloaded_model_is_held_by_nothing(servable, coloured_png):
    batcher = Batcher(DEFAULT_BATCHING, Monitoring())
    own = Servable(servable.path)
    model, version = weakref.ref(own), Version("m", 1, own, batcher)
    encoded(version, coloured_png(1, 1, 1))
    with pytest.raises(Refusal):
        encoded(version, b"no picture")
    del own
    version.retire(version.unload)
    deadline = time.monotonic() + 20
    while model() is not None and time.monotonic() < deadline:  # the thread that ran it last may still say so
        gc.collect()
        time.sleep(0.01)
    assert model() is None
    batcher.close()
