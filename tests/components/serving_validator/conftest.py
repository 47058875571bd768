"""Small models that a server can load, and what spoils them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def spoiled(tmp_path):
    """Returns a function: (embed images, embed texts) -> folder of a SavedModel with them as its signatures.

    Both take [N] strings and return [N, D].
    """
    import tensorflow as tf

    def save(images, texts) -> Path:
        one = [tf.TensorSpec([None], tf.string)]

        @tf.function(input_signature=one)
        def encode_image(image_bytes):
            return {"embedding": images(image_bytes)}

        @tf.function(input_signature=one)
        def encode_text(text):
            return {"embedding": texts(text)}

        @tf.function(input_signature=one)
        def evaluate(examples):
            return {"label": examples}

        signatures = {"encode_image": encode_image, "encode_text": encode_text, "evaluate": evaluate}
        tf.saved_model.save(tf.Module(), str(tmp_path / "spoiled"), signatures=signatures)
        return tmp_path / "spoiled"

    return save


@pytest.fixture
def corrupted(colour_model, tmp_path) -> Path:
    """A copy of the small model with one byte of its variables changed."""
    folder = tmp_path / "corrupted"
    shutil.copytree(colour_model, folder)
    (shard,) = folder.glob("variables/variables.data-*")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    return folder
