"""Both clients' similarity and classify, through a real server, on vectors that are worked out by hand."""

from __future__ import annotations

import asyncio
import math
import shutil

import numpy as np
import pytest

from hand_made_pair import BLUE, RED, TEMPERATURE
from serving.async_client import AsyncAlignClient
from serving.client import AlignClient
from serving.encoders.encoder import BATCH, EncodeError
from serving.server.server import ModelServer


@pytest.fixture(scope="module")
def address(pair_models):
    with ModelServer(pair_models, port=0) as server:
        yield server.address


def asked(address, method: str, *arguments):
    """Returns what AlignClient answers, which AsyncAlignClient answers too."""

    async def ask():
        async with AsyncAlignClient(address) as client:
            return await getattr(client, method)(*arguments)

    with AlignClient(address) as client:
        answer = getattr(client, method)(*arguments)
    awaited = asyncio.run(ask())
    for name, value in vars(answer).items():
        np.testing.assert_array_equal(vars(awaited)[name], value)
    return answer


def test_similarities_are_cosines_and_their_softmax(address):
    answer = asked(address, "similarity", [RED, BLUE], ["red", "a red", "blue"])
    np.testing.assert_allclose(answer.cosine, [[1, 0.6, 0], [0, 0.8, 1]], atol=1e-6)
    powers = np.exp(np.array([[1, 0.6, 0], [0, 0.8, 1]]) / TEMPERATURE)
    np.testing.assert_allclose(answer.probability, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_classes_are_named(address):
    answer = asked(address, "classify", [RED, BLUE], ["blue", "red"], ["{}", "a {}"])
    assert answer.labels == ["red", "blue"]
    mean = np.array([1.6, 0.8]) / math.hypot(1.6, 0.8)  # of "red" and "a red"
    np.testing.assert_allclose(answer.cosine, [[0, mean[0]], [1, mean[1]]], atol=1e-6)


@pytest.mark.parametrize("count", [0, 1, BATCH + 1])
def test_any_number_of_images_is_compared(address, count):
    images = [RED, BLUE] * count
    answer = asked(address, "similarity", images[:count], ["red", "blue"])
    assert answer.cosine.shape == answer.probability.shape == (count, 2)
    np.testing.assert_allclose(answer.cosine, np.eye(2)[np.arange(count) % 2], atol=1e-6)
    assert len(asked(address, "classify", images[:count], ["red"], ["{}"]).labels) == count


def test_a_model_without_the_signature_is_told(colour_model, tmp_path):
    shutil.copytree(colour_model, tmp_path / "1")
    with (
        ModelServer(tmp_path, port=0) as server,
        AlignClient(server.address) as client,
        pytest.raises(EncodeError, match=r'refused similarity: FAILED_PRECONDITION: .*"similarity" not found'),
    ):
        client.similarity([RED], ["red"])
