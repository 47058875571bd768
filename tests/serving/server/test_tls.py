"""TLS and mutual TLS: who is let in, and what is said of files that cannot be used."""

from __future__ import annotations

import re
import ssl

import grpc
import pytest
from google.protobuf import text_format

from certificates import Authority
from predict_requests import predict_request
from serving.server.server import ModelServer
from serving.server.tls import Tls, read_ssl_config, read_tls


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def signed(authority):
    return authority.sign("server")


def ask(address: str, credentials: grpc.ChannelCredentials | None):
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    opened = grpc.insecure_channel(address) if credentials is None else grpc.secure_channel(address, credentials)
    with opened as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        return stub.Predict(predict_request(text=["red"]), timeout=20).outputs["embedding"]


def test_a_client_that_trusts_the_authority_is_answered(base, authority, signed):
    tls = read_tls(signed.key, signed.certificate)
    with ModelServer(base, port=0, tls=tls) as server:
        assert ask(server.address, grpc.ssl_channel_credentials(authority.certificate.read_bytes())).float_val
        for stranger in (None, grpc.ssl_channel_credentials()):
            with pytest.raises(grpc.RpcError) as caught:
                ask(server.address, stranger)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_mutual_tls_asks_clients_for_a_certificate(base, authority, signed, tmp_path):
    tls = read_tls(signed.key, signed.certificate, authority.certificate)
    root, client = authority.certificate.read_bytes(), authority.sign("client")
    other = Authority(tmp_path).sign("stranger")
    with ModelServer(base, port=0, tls=tls) as server:
        known = grpc.ssl_channel_credentials(root, client.key.read_bytes(), client.certificate.read_bytes())
        assert ask(server.address, known).float_val
        for stranger in (
            grpc.ssl_channel_credentials(root),
            grpc.ssl_channel_credentials(root, other.key.read_bytes(), other.certificate.read_bytes()),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                ask(server.address, stranger)
            assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


def quoted(file) -> str:
    return '"' + text_format.text_encoding.CEscape(file.read_bytes(), as_utf8=False) + '"'


def test_tensorflow_servings_own_file_is_read(authority, signed, tmp_path):
    config = tmp_path / "ssl.cfg"
    lines = [f"server_key: {quoted(signed.key)}", f"server_cert: {quoted(signed.certificate)}"]
    config.write_text("\n".join(lines), encoding="utf-8")
    key, certificate = signed.key.read_bytes(), signed.certificate.read_bytes()
    assert read_ssl_config(config) == Tls(key, certificate)
    lines.append(f"custom_ca: {quoted(authority.certificate)}")
    config.write_text("\n".join(lines), encoding="utf-8")
    assert read_ssl_config(config) == Tls(key, certificate), "without client_verify no client is asked, as there"
    lines.append("client_verify: true")
    config.write_text("\n".join(lines), encoding="utf-8")
    assert read_ssl_config(config) == Tls(key, certificate, authority.certificate.read_bytes())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server_kay: ''", "is no SSLConfig"),
        ("client_verify: true", "no custom_ca"),
        ("", "the TLS key and certificate cannot be used"),
    ],
)
def test_another_file_is_one_sentence(tmp_path, text, said):
    (tmp_path / "ssl.cfg").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        read_ssl_config(tmp_path / "ssl.cfg")


def test_files_that_cannot_be_used_are_one_sentence(authority, signed, tmp_path):
    junk = tmp_path / "junk.pem"
    junk.write_bytes(b"\x00\xffnot a certificate")
    other = authority.sign("other")
    with pytest.raises(ValueError, match="do not belong together"):
        read_tls(other.key, signed.certificate)
    with pytest.raises(ValueError, match="are no PEM"):
        read_tls(signed.key, junk)
    with pytest.raises(ValueError, match="are no PEM"):
        read_tls(junk, signed.certificate)
    with pytest.raises(ValueError, match="authority of clients' certificates is no PEM"):
        read_tls(signed.key, signed.certificate, junk)
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "none.pem"))):
        read_tls(signed.key, tmp_path / "none.pem")


def test_an_encrypted_key_is_said_and_not_asked_about(authority, signed, tmp_path):
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(signed.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    form = serialization.PrivateFormat.PKCS8
    password = serialization.BestAvailableEncryption(b"secret")
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, password))
    with pytest.raises(ValueError, match="the TLS key is encrypted; give one without a passphrase"):
        read_tls(locked, signed.certificate)


def test_the_http_context_is_of_the_same_files(authority, signed):
    context = read_tls(signed.key, signed.certificate, authority.certificate).for_http()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
