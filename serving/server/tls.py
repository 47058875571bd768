"""TLS and mutual TLS, the same for gRPC and HTTP: keys and certificates, checked before anything listens."""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, proto_builder, text_format

_STRING, _BOOL = descriptor_pb2.FieldDescriptorProto.TYPE_STRING, descriptor_pb2.FieldDescriptorProto.TYPE_BOOL
_SSL_CONFIG = {"server_key": _STRING, "server_cert": _STRING, "custom_ca": _STRING, "client_verify": _BOOL}


@dataclass(frozen=True)
class Tls:
    """What a server proves itself with, and whom it lets in; all PEM.

    Attributes:
      key: the server's private key.
      certificate: its certificate, with those in between behind it.
      client_ca: the authority that must have signed a client's certificate; None asks clients for none.
    """

    key: bytes
    certificate: bytes
    client_ca: bytes | None = None

    def for_grpc(self) -> grpc.ServerCredentials:
        """Returns the credentials of a gRPC port."""
        return grpc.ssl_server_credentials(
            [(self.key, self.certificate)],
            root_certificates=self.client_ca,
            require_client_auth=self.client_ca is not None,
        )

    def for_http(self) -> ssl.SSLContext:
        """Returns the context of an HTTP port.

        Raises:
          ValueError: for a key, certificate or authority that is none, or a key that is not the certificate's.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:  # Python reads files alone; the folder is ours alone
            key, certificate, client_ca = (Path(folder) / name for name in ("key", "certificate", "client_ca"))
            key.write_bytes(self.key)
            certificate.write_bytes(self.certificate)
            try:
                context.load_cert_chain(certificate, key, password=_refuse_password)
            except ssl.SSLError as error:
                why = "they do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else "they are no PEM"
                raise ValueError(f"the TLS key and certificate cannot be used: {why} ({error.reason})") from error
            if self.client_ca is not None:
                client_ca.write_bytes(self.client_ca)
                try:
                    context.load_verify_locations(client_ca)
                except ssl.SSLError as error:
                    raise ValueError(f"the authority of clients' certificates is no PEM ({error.reason})") from error
                context.verify_mode = ssl.CERT_REQUIRED
        return context


def read_tls(key: Path, certificate: Path, client_ca: Path | None = None) -> Tls:
    """Read and check PEM files.

    Raises:
      OSError: where a file cannot be read.
      ValueError: where they cannot be used.
    """
    tls = Tls(key.read_bytes(), certificate.read_bytes(), client_ca.read_bytes() if client_ca else None)
    tls.for_http()
    return tls


def read_ssl_config(path: Path) -> Tls:
    """Read and check TensorFlow Serving's `--ssl_config_file`, a text SSLConfig (config/ssl_config.proto).

    Raises:
      OSError: where the file cannot be read.
      ValueError: where it is no SSLConfig, or what it holds cannot be used.
    """
    config = proto_builder.MakeSimpleProtoClass(_SSL_CONFIG, full_name="align.serving.SSLConfig")()
    try:
        text_format.Parse(path.read_bytes(), config)
    except text_format.ParseError as error:
        raise ValueError(f"{path} is no SSLConfig: {error}") from error
    if config.client_verify and not config.custom_ca:
        raise ValueError(f"{path} has client_verify but no custom_ca that clients' certificates are checked by")
    client_ca = config.custom_ca.encode() if config.client_verify else None
    tls = Tls(config.server_key.encode(), config.server_cert.encode(), client_ca)
    tls.for_http()
    return tls


def _refuse_password() -> str:
    raise ValueError("the TLS key is encrypted; give one without a passphrase")
