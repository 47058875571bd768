"""Both clients against servers that are busy, gone, slow, encrypted: what is sent, how often, and what is told."""

from __future__ import annotations

import asyncio
import threading

import grpc
import numpy as np
import pytest

from certificates import Authority
from scripted_server import scripted_server, vectors_of
from serving.async_client import AsyncAlignClient
from serving.calling.channel import Retries, Tls
from serving.client import AlignClient
from serving.encoders.encoder import BATCH, EncodeError

SOON = Retries(first_s=0.01)


class Awaited:
    """An AsyncAlignClient as the tests call an AlignClient."""

    def __init__(self, *args, **settings):
        self._args, self._settings = args, settings

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def encode_text(self, texts):
        async def ask():
            async with AsyncAlignClient(*self._args, **self._settings) as client:
                return await client.encode_text(texts)

        return asyncio.run(ask())


BOTH = pytest.mark.parametrize("opened", [AlignClient, Awaited], ids=["sync", "asyncio"])


def answered(request, context, number):
    return vectors_of(request)


def refusing(times: int, code: grpc.StatusCode):
    """Returns an answer that refuses the first `times` requests."""

    def answer(request, context, number):
        if number < times:
            context.abort(code, f"refused the {number}.")
        return vectors_of(request)

    return answer


@BOTH
@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_server_that_is_busy_is_asked_again(opened, code):
    with scripted_server(refusing(3, code)) as server, opened(server.address, retries=SOON) as client:
        assert client.encode_text(["7"]).tolist() == [[7, 0.5]]
    assert len(server.asked) == 4
    assert server.asked[0][0] == server.asked[3][0]


@BOTH
@pytest.mark.parametrize("code", [grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL, grpc.StatusCode.ABORTED])
def test_any_other_refusal_is_final(opened, code):
    with (
        scripted_server(refusing(9, code)) as server,
        opened(server.address, retries=SOON) as client,
        pytest.raises(EncodeError, match=f"refused encode_text: {code.name}: refused the 0."),
    ):
        client.encode_text(["7"])
    assert len(server.asked) == 1


@BOTH
@pytest.mark.parametrize("attempts", [1, 3])
def test_a_server_that_stays_busy_is_given_up(opened, attempts):
    with (
        scripted_server(refusing(99, grpc.StatusCode.RESOURCE_EXHAUSTED)) as server,
        opened(server.address, retries=Retries(attempts=attempts, first_s=0.01)) as client,
        pytest.raises(EncodeError, match="RESOURCE_EXHAUSTED"),
    ):
        client.encode_text(["7"])
    assert len(server.asked) == attempts


@BOTH
def test_no_request_is_sent_again_past_its_deadline(opened):
    with (
        scripted_server(refusing(99, grpc.StatusCode.UNAVAILABLE)) as server,
        opened(server.address, timeout_s=0.3, retries=Retries(first_s=60, longest_s=60)) as client,
        pytest.raises(EncodeError, match=r"within 0\.3 s|no server answers"),
    ):
        client.encode_text(["7"])
    assert len(server.asked) == 1


def test_a_client_finds_a_server_that_was_started_again():
    with scripted_server(answered) as first, AlignClient(first.address) as client:
        client.encode_text(["1"])
        first.stop()
        with scripted_server(answered, port=first.port):
            assert client.encode_text(["7"]).tolist() == [[7, 0.5]]


@BOTH
def test_many_inputs_go_out_at_once_and_come_back_in_order(opened):
    both_there = threading.Barrier(2)

    def answer(request, context, number):
        if number < 2:
            both_there.wait(20)  # fails where requests go one by one
        return vectors_of(request)

    texts = [str(number) for number in range(5 * BATCH + 3)]
    with scripted_server(answer) as server, opened(server.address, in_flight=2) as client:
        vectors = client.encode_text(texts)
    np.testing.assert_array_equal(vectors[:, 0], np.arange(len(texts)))
    sizes = [len(request.inputs["text"].string_val) for request, _ in server.asked]
    assert sorted(sizes) == [3, *[BATCH] * 5]
    assert server.most_at_once == 2


@BOTH
def test_where_one_request_fails_the_call_fails_and_the_rest_is_not_sent(opened):
    texts = [str(number) for number in range(40 * BATCH)]
    with (
        scripted_server(refusing(1, grpc.StatusCode.INVALID_ARGUMENT)) as server,
        opened(server.address, in_flight=1) as client,
        pytest.raises(EncodeError, match="INVALID_ARGUMENT"),
    ):
        client.encode_text(texts)
    assert len(server.asked) < 40


@BOTH
@pytest.mark.parametrize(
    ("which", "choice"), [({"version": 3}, "version"), ({"label": "stable"}, "version_label"), ({}, None)]
)
def test_version_label_and_headers_are_sent(opened, which, choice):
    with (
        scripted_server(answered) as server,
        opened(server.address, model="mine", metadata={"Authorization": "Bearer x"}, **which) as client,
    ):
        client.encode_text(["1"])
    ((request, headers),) = server.asked
    spec = request.model_spec
    assert spec.name == "mine"
    assert spec.WhichOneof("version_choice") == choice
    assert (spec.version.value, spec.version_label) == (which.get("version", 0), which.get("label", ""))
    assert headers["authorization"] == "Bearer x"


def of_version(version: int, request):
    response = vectors_of(request)
    response.model_spec.version.value = version
    for row in range(len(request.inputs["text"].string_val)):
        response.outputs["embedding"].float_val[2 * row + 1] = version
    return response


@BOTH
@pytest.mark.parametrize("change", [1, 3, 5])
def test_the_vectors_of_one_call_are_of_one_version(opened, change):
    def answer(request, context, number):
        return of_version(1 if number < change else 2, request)

    texts = [str(number) for number in range(4 * BATCH)]
    with scripted_server(answer) as server, opened(server.address, in_flight=1) as client:
        vectors = client.encode_text(texts)
    np.testing.assert_array_equal(vectors[:, 0], np.arange(len(texts)))
    assert set(vectors[:, 1]) == {2 if change < 4 else 1}
    assert len(server.asked) == (4 + change if change < 4 else 4)


@BOTH
def test_versions_that_change_on_and_on_are_told(opened):
    def answer(request, context, number):
        return of_version(number + 1, request)

    with (
        scripted_server(answer) as server,
        opened(server.address) as client,
        pytest.raises(EncodeError, match="changed its version 3 times within one call"),
    ):
        client.encode_text(["1"] * (2 * BATCH))


@BOTH
def test_an_answer_of_another_model_is_told(opened):
    def answer(request, context, number):
        response = vectors_of(request)
        del response.outputs["embedding"]
        return response

    with (
        scripted_server(answer) as server,
        opened(server.address) as client,
        pytest.raises(EncodeError, match="answered encode_text without embedding"),
    ):
        client.encode_text(["1"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


def server_credentials(authority, *, asks_for_one):
    signed = authority.sign("server")
    pair = (signed.key.read_bytes(), signed.certificate.read_bytes())
    roots = authority.certificate.read_bytes() if asks_for_one else None
    return grpc.ssl_server_credentials([pair], roots, asks_for_one)


@BOTH
def test_tls_needs_the_servers_authority(opened, authority):
    credentials = server_credentials(authority, asks_for_one=False)
    with scripted_server(answered, credentials) as server:
        with opened(server.address, tls=Tls(authorities=authority.certificate)) as client:
            assert client.encode_text(["7"]).tolist() == [[7, 0.5]]
        for tls in (None, Tls()):  # in the clear, and held to the public authorities
            with (
                opened(server.address, tls=tls, retries=Retries(attempts=1)) as client,
                pytest.raises(EncodeError, match="no server answers"),
            ):
                client.encode_text(["7"])


@BOTH
def test_mutual_tls_needs_the_clients_certificate(opened, authority):
    signed = authority.sign("client")
    with scripted_server(answered, server_credentials(authority, asks_for_one=True)) as server:
        known = Tls(authority.certificate, certificate=signed.certificate, key=signed.key)
        with opened(server.address, tls=known) as client:
            assert client.encode_text(["7"]).tolist() == [[7, 0.5]]
        unknown = Tls(authority.certificate)
        with (
            opened(server.address, tls=unknown, retries=Retries(attempts=1)) as client,
            pytest.raises(EncodeError, match="no server answers"),
        ):
            client.encode_text(["7"])


def test_a_certificate_may_be_of_another_name(authority):
    credentials = server_credentials(authority, asks_for_one=False)
    with scripted_server(answered, credentials) as server:
        tls = Tls(authority.certificate, server_name="localhost")
        with AlignClient(server.address, tls=tls) as client:
            assert client.encode_text(["7"]).tolist() == [[7, 0.5]]
        wrong = Tls(authority.certificate, server_name="elsewhere")
        with (
            AlignClient(server.address, tls=wrong, retries=Retries(attempts=1)) as client,
            pytest.raises(EncodeError, match="no server answers"),
        ):
            client.encode_text(["7"])
