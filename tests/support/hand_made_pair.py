"""A dual encoder as it is exported, whose vectors can be worked out by hand: two colours, four texts.

RED and BLUE are pictures; all texts but those of VECTORS are [-1, 0].
"""

from __future__ import annotations

import io

import tensorflow as tf
from PIL import Image

from models.images.decoding import decode
from models.saving.served import ServedImages, ServedPair, ServedTexts

TEMPERATURE = 0.25
VECTORS = {"red": [1.0, 0.0], "a red": [0.6, 0.8], "blue": [0.0, 1.0], "a blue": [0.0, 1.0]}  # all else: [-1, 0]
SIZE = (2, 3)


def one_colour(red: int, blue: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (SIZE[1], SIZE[0]), (red, 0, blue)).save(buffer, "PNG")
    return buffer.getvalue()


RED, BLUE = one_colour(255, 0), one_colour(0, 255)  # [1, 0] and [0, 1]


def pair() -> ServedPair:
    def preprocess(images):
        spec = tf.TensorSpec([*SIZE, 3], tf.float32)
        return tf.map_fn(
            lambda image: tf.image.resize(decode(image), SIZE),
            images,
            fn_output_signature=spec,
        )

    def embed_pixels(pixels):
        return tf.math.l2_normalize(tf.gather(tf.reduce_mean(pixels, [1, 2]), [0, 2], axis=1), axis=1)

    words = tf.constant(list(VECTORS))
    vectors = tf.constant([*VECTORS.values(), [-1.0, 0.0]])

    def embed_texts(texts):
        is_it = texts[:, tf.newaxis] == tf.concat([words, [""]], 0)
        known = tf.reduce_any(is_it, axis=1)
        return tf.gather(vectors, tf.where(known, tf.argmax(tf.cast(is_it, tf.int32), axis=1), len(VECTORS)))

    return ServedPair(ServedImages(preprocess, embed_pixels, SIZE, {}), ServedTexts(embed_texts, {}), TEMPERATURE)
