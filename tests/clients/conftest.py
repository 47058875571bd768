"""One server for all clients of others, and what its model answers in this process."""

from __future__ import annotations

import pytest

from clients_of_others import VERSION, Served


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    import tensorflow as tf

    from hand_made_pair import BLUE, RED, pair
    from models.saving.export import export
    from serving.server.server import ModelServer

    base = tmp_path_factory.mktemp("models")
    export(pair(), str(base / str(VERSION)))
    signatures = tf.saved_model.load(str(base / str(VERSION))).signatures
    texts, images = ["red", "a red", "smutná kočka"], [RED, BLUE]
    vectors = (
        signatures["encode_text"](text=tf.constant(texts))["embedding"].numpy(),
        signatures["encode_image"](image_bytes=tf.constant(images))["embedding"].numpy(),
    )
    with ModelServer(base, port=0, rest_port=0) as server:
        yield Served(server.address, server.rest_address, texts, images, *vectors)
