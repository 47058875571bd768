"""The decoder that the model's preprocessing uses: what it cannot read is no image to train on."""

from __future__ import annotations


def decode_as_training_does(encoded: bytes) -> None:
    """Decode an image with TensorFlow; raises ValueError where it fails."""
    import tensorflow as tf  # takes seconds, which what has no image to check must not wait for

    try:
        tf.io.decode_image(encoded, expand_animations=False)
    except tf.errors.OpError as error:
        raise ValueError(error.message.partition("\n")[0]) from error
