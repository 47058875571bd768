"""AlignClient against a real server, beside the encoder that runs in the process."""

from __future__ import annotations

import shutil
import socket

import numpy as np
import pytest

from serving.client import AlignClient
from serving.encoders import encoder
from serving.encoders.encoder import EncodeError
from serving.encoders.saved_model import SavedModelEncoder
from serving.server.server import ModelServer


@pytest.fixture(scope="module")
def server(colour_model, tmp_path_factory):
    base = tmp_path_factory.mktemp("models")
    shutil.copytree(colour_model, base / "1")
    with ModelServer(base, port=0) as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    with AlignClient(server.address) as client:
        yield client


@pytest.fixture(scope="module")
def here(colour_model):
    return SavedModelEncoder(colour_model)


def test_both_encoders_agree_on_texts_and_images(client, here, coloured_png):
    texts = ["Red", "blue green", "ž é"]
    pictures = [coloured_png(9, 8, 7), coloured_png(0, 255, 3)]
    np.testing.assert_array_equal(client.encode_text(texts), here.encode_text(texts))
    np.testing.assert_array_equal(client.encode_image(pictures), here.encode_image(pictures))
    assert client.encode_text(texts).dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(client.encode_text(texts), axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("count", [0, 1, encoder.BATCH, encoder.BATCH + 1, 2 * encoder.BATCH + 3])
def test_long_lists_are_sent_in_batches_and_come_back_in_order(client, count):
    texts = [("red " * (i % 5) + "blue " * (i % 7)).strip() for i in range(count)]
    together = client.encode_text(texts)
    assert together.shape == (count, 4)
    one_by_one = [client.encode_text([text])[0] for text in texts[:: max(1, count // 9)]]
    np.testing.assert_allclose(together[:: max(1, count // 9)], np.reshape(one_by_one, (-1, 4)), rtol=1e-6)


def test_once_its_fingerprint_is_known_no_newer_version_answers(colour_model, tmp_path):
    shutil.copytree(colour_model, tmp_path / "1")
    with ModelServer(tmp_path, port=0) as first, AlignClient(first.address) as client:
        assert len(client.fingerprint) == 64
        first.stop()
        (tmp_path / "1").rename(tmp_path / "2")
        port = int(first.address.rpartition(":")[2])
        with ModelServer(tmp_path, port=port), AlignClient(first.address) as fresh:
            assert fresh.encode_text(["red"]).shape == (1, 4)
            with pytest.raises(EncodeError, match=r"NOT_FOUND.*align, 1"):
                client.encode_text(["red"])


def test_a_model_without_the_signature_similarity_tells_no_temperature(client):
    assert client.temperature is None


def test_a_version_can_be_asked_for(server):
    with AlignClient(server.address, version=1) as client:
        assert client.encode_text(["red"]).shape == (1, 4)
    with AlignClient(server.address, version=2) as client, pytest.raises(EncodeError, match=r"NOT_FOUND.*align, 2"):
        client.encode_text(["red"])


@pytest.mark.parametrize("which", ["client", "here"])
def test_what_is_no_image_is_an_encode_error(request, which, coloured_png):
    whole = coloured_png(1, 2, 3)
    with pytest.raises(EncodeError, match=r"image 1 of 2 cannot be read: 8 bytes with an unknown header; send a JPEG"):
        request.getfixturevalue(which).encode_image([whole, b"no image"])
    with pytest.raises(EncodeError, match=r"encode_image: .*PNG"):  # the server's words: a client does not decode
        request.getfixturevalue(which).encode_image([whole, whole[:-30]])


def test_an_address_where_nobody_answers_is_named():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # held but not listening: nobody else can take the port meanwhile
        address = f"127.0.0.1:{held.getsockname()[1]}"
        with AlignClient(address) as client, pytest.raises(EncodeError, match=f"no server answers at {address}"):
            client.encode_text(["red"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_proxy_is_not_asked_for_a_server_on_this_machine(server, monkeypatch, host):
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy", "grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # a proxy where nobody listens
        proxy = f"127.0.0.1:{held.getsockname()[1]}"
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://{proxy}")
        with AlignClient(f"{host}:{server.address.rpartition(':')[2]}") as client:
            assert client.encode_text(["red"]).shape[0] == 1
        elsewhere = AlignClient("192.0.2.1:8500", timeout_s=20)  # an address that no machine has
        with elsewhere as client, pytest.raises(EncodeError, match=f"no server answers at .*{proxy}.* http_proxy"):
            client.encode_text(["red"])


def test_a_server_that_never_answers_ends_at_the_deadline():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # accepts connections, says nothing
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with (
            AlignClient(address, timeout_s=0.3) as client,
            pytest.raises(EncodeError, match=r"did not answer encode_text within 0\.3 s"),
        ):
            client.encode_text(["red"])
