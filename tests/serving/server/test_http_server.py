"""The HTTP port beside gRPC's: the same models, the same certificates, and one end."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import urllib.error
import urllib.request

import pytest

from certificates import Authority
from serving.server.http_server import HttpServer
from serving.server.server import ModelServer
from serving.server.tls import read_tls

TEXTS = {"signature_name": "encode_text", "instances": ["red", "blue"]}


def ask(address: str, path: str, sent: object = None, context: ssl.SSLContext | None = None):
    """Returns the status and the JSON of an answer."""
    body = None if sent is None else json.dumps(sent).encode()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    url = f"{'http' if context is None else 'https'}://{address}{path}"
    try:
        with opener.open(urllib.request.Request(url, data=body), timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_what_is_no_http_is_refused_without_a_line_in_the_log(base, caplog):
    with ModelServer(base, port=0, rest_port=0) as server:
        for sent in (b"\x16\x03\x01\x02\r\n\r\n", b"id; uname -a\r\n\r\n"):
            with socket.create_connection(server.rest_address.split(":"), timeout=20) as connection:
                connection.sendall(sent)
                assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        assert ask(server.rest_address, "/readyz")[0] == 200
    assert not [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")]


def test_rest_answers_beside_grpc(base):
    with ModelServer(base, port=0, rest_port=0) as server:
        status, answer = ask(server.rest_address, "/v1/models/align:predict", TEXTS)
        assert (status, len(answer["predictions"])) == (200, 2)
        assert ask(server.rest_address, "/readyz") == (200, {"ready": True})
        assert server.address != server.rest_address
    with pytest.raises(OSError, match="refused"), socket.create_connection(server.rest_address.split(":")):
        pass


@pytest.mark.parametrize("texts", ["red", [["red"]], [["red", "blue"]]])
def test_texts_of_another_rank_are_refused_and_the_server_lives_on(base, texts):
    """A scalar that reaches TF Text's tokenizer ends the process."""
    with ModelServer(base, port=0, rest_port=0) as server:
        path, asked = "/v1/models/align:predict", {"signature_name": "encode_text", "inputs": texts}
        status, answer = ask(server.rest_address, path, asked)
        assert status == 400
        assert "Expects arg[0] to have the shape [?] but [" in answer["error"]
        assert ask(server.rest_address, path, TEXTS)[0] == 200


def test_the_http_port_speaks_the_same_tls(base, tmp_path):
    authority = Authority(tmp_path)
    signed, client = authority.sign("server"), authority.sign("client")
    trusting = ssl.create_default_context(cafile=authority.certificate)
    with ModelServer(
        base, port=0, rest_port=0, tls=read_tls(signed.key, signed.certificate, authority.certificate)
    ) as server:
        with pytest.raises((urllib.error.URLError, OSError)):
            ask(server.rest_address, "/readyz", context=trusting)
        trusting.load_cert_chain(client.certificate, client.key)
        assert ask(server.rest_address, "/readyz", context=trusting) == (200, {"ready": True})
        with pytest.raises((urllib.error.URLError, OSError)):
            ask(server.rest_address, "/readyz")


def test_a_request_in_work_ends_before_the_server(base):
    slow = {"signature_name": "encode_text", "instances": ["red blue " * 1000] * 1000}
    found = []
    with ModelServer(base, port=0, rest_port=0, grace_s=60) as server:
        asking = threading.Thread(
            target=lambda: found.append(ask(server.rest_address, "/v1/models/align:predict", slow))
        )
        asking.start()
        while 'requests_in_progress{entrypoint="REST"} 1' not in server.monitoring.page():
            assert asking.is_alive()
    asking.join(timeout=60)
    ((status, answer),) = found
    assert (status, len(answer["predictions"])) == (200, 1000)


def test_a_taken_http_port_is_named(base):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            ModelServer(base, port=0, rest_port=port)


def test_a_port_that_another_server_took_since_it_was_bound_is_named():
    async def application(scope, receive, send):
        raise AssertionError("nobody asks")

    first = HttpServer(application, host="127.0.0.1", port=0, tls=None, grace_s=1)
    port = int(first.address.rpartition(":")[2])
    second = HttpServer(application, host="127.0.0.1", port=port, tls=None, grace_s=1)  # neither listens yet
    first.start()
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
        second.start()
    first.stop()
    second.stop()
