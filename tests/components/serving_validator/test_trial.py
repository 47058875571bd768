"""A candidate is served in another process and asked as clients ask; each way to be unfit for it is a sentence."""

from __future__ import annotations

import math

import pytest
import tensorflow as tf

from components.serving_validator.config import ServingValidationConfig
from components.serving_validator.served.trial import try_out


def units(strings: tf.Tensor) -> tf.Tensor:
    """Returns [N, 2] unit vectors, each from its string's length alone."""
    lengths = tf.cast(tf.strings.length(strings), tf.float32)
    return tf.stack([tf.cos(lengths), tf.sin(lengths)], axis=-1)


def test_a_good_model_is_blessed_and_measured(colour_model):
    found = try_out(colour_model, ServingValidationConfig(requests=3))
    assert found.reasons == []
    assert found.is_blessed
    assert 0 < found.load_s < math.inf
    assert found.peak_memory_bytes > 50e6, "TensorFlow alone holds more"
    for protocol in ("gRPC", "REST"):
        for signature in ("encode_image", "encode_text"):
            assert 0 <= found.largest_difference[protocol][signature] <= 1e-6
            times = found.latency_ms[protocol][signature]
            assert 0 < times["p50"] <= times["p99"]


def test_a_model_that_answers_anything_and_each_time_otherwise_is_refused_for_both(spoiled):
    def noisy(strings: tf.Tensor) -> tf.Tensor:
        now = tf.cast(1e6 * tf.timestamp(), tf.int64)  # a seed of another test would make two processes agree
        return tf.math.l2_normalize(units(strings) + tf.random.stateless_uniform([2], [now, 0]), axis=-1)

    found = try_out(spoiled(noisy, units), ServingValidationConfig())
    told = "\n".join(found.reasons)
    assert "encode_image over gRPC is " in told
    assert "serving_validation.tolerance, which is 1e-05" in told
    assert "a broken picture is answered over gRPC; it must be refused with INVALID_ARGUMENT" in told
    assert "encode_text" not in told


def test_a_model_without_numbers_is_refused(spoiled):
    def lost(strings: tf.Tensor) -> tf.Tensor:
        return units(strings) * math.nan

    found = try_out(spoiled(units, lost), ServingValidationConfig())
    assert found.reasons == ["encode_text gives vectors that are not finite for 6 of 6 inputs"]
    assert found.load_s is not None


def test_a_model_without_a_signature_is_refused(tmp_path):
    module = tf.Module()
    module.f = tf.function(lambda text: {"embedding": units(text)}, input_signature=[tf.TensorSpec([None], tf.string)])
    tf.saved_model.save(module, str(tmp_path / "half"), signatures={"encode_text": module.f})
    found = try_out(tmp_path / "half", ServingValidationConfig())
    assert found.reasons[0] == "the signature encode_image is missing; the model has encode_text"


def test_a_model_with_a_changed_byte_is_refused(corrupted):
    found = try_out(corrupted, ServingValidationConfig())
    (reason,) = found.reasons
    assert reason.startswith("the model cannot be loaded: ")
    assert found.load_s is None


@pytest.mark.parametrize("limit_s", [0.01])
def test_a_model_that_takes_too_long_to_load_is_refused(colour_model, limit_s):
    found = try_out(colour_model, ServingValidationConfig(max_load_s=limit_s))
    assert found.reasons == ["the server had not loaded the model after 0.01 s"]
