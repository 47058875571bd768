"""The decoder that the model's preprocessing uses: what it cannot read is no image to train on."""

from __future__ import annotations

JPEG = b"\xff\xd8"  # how one begins


def decode_as_training_does(encoded: bytes) -> None:
    """Decode an image with TensorFlow; raises ValueError where it fails.

    A JPEG is decoded at an eighth of its size: what is broken is found as its stream is read, which is the same at any.
    """
    import tensorflow as tf  # takes seconds, which what has no image to check must not wait for

    try:
        if encoded.startswith(JPEG):
            tf.io.decode_jpeg(encoded, channels=3, ratio=8)
        else:
            tf.io.decode_image(encoded, expand_animations=False)
    except tf.errors.OpError as error:
        raise ValueError(error.message.partition("\n")[0]) from error
