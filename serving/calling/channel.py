"""How a client connects: message sizes, retries, TLS, and no proxy for this machine's own servers."""

from __future__ import annotations

import ipaddress
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from serving.calling.messages import PREDICT, PredictRequest, PredictResponse

_UNBOUNDED = 2**31 - 1  # bytes
_RECONNECT_MS = (100, 5_000)  # between two attempts to connect, at first and at most


@dataclass(frozen=True)
class Retries:
    """Which refusals a request is sent again after, and how soon; all of it within the request's deadline.

    The n-th pause is `first_s * multiplier ** (n - 1)`, at most `longest_s`, and up to a fifth more or less by chance,
    so that clients which failed together do not come back together. gRPC itself sends again (its retry policy).
    Sending again is safe: a model that is asked twice is left as it was, and answers the same.

    Attributes:
      attempts: how often a request is sent at most, 1 to 5; 1 never sends it again.
      first_s: the first pause in seconds.
      multiplier: of a pause over the one before.
      longest_s: the longest pause in seconds.
    """

    attempts: int = 5
    first_s: float = 0.1
    multiplier: float = 3.0
    longest_s: float = 5.0

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= 5:
            raise ValueError(f"attempts is {self.attempts}; it must be from 1 to 5, gRPC's own limit")
        for name in ("first_s", "multiplier", "longest_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")

    def options(self) -> list[tuple[str, str | int]]:
        """Returns gRPC's options of a channel that does so."""
        if self.attempts == 1:
            return [("grpc.enable_retries", 0)]
        policy = {
            "maxAttempts": self.attempts,
            "initialBackoff": f"{self.first_s:.3f}s",
            "maxBackoff": f"{self.longest_s:.3f}s",
            "backoffMultiplier": self.multiplier,
            "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
        }
        config = {"methodConfig": [{"name": [{}], "retryPolicy": policy}]}
        return [
            ("grpc.enable_retries", 1),
            ("grpc.service_config", json.dumps(config)),
            ("grpc.per_rpc_retry_buffer_size", _UNBOUNDED),  # else a request of images is sent once
            ("grpc.initial_reconnect_backoff_ms", _RECONNECT_MS[0]),
            ("grpc.max_reconnect_backoff_ms", _RECONNECT_MS[1]),
        ]


@dataclass(frozen=True)
class Tls:
    """What a connection is encrypted by.

    Attributes:
      authorities: PEM file of the certificates that the server's is held to; None for those that gRPC brings.
      certificate, key: PEM files by which this client shows who it is, where a server asks (mutual TLS); both or none.
      server_name: the name to expect in the server's certificate, where it is another than the address's.
    """

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    server_name: str | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files.

        Raises:
          ValueError: where one cannot be read, or a certificate and its key are not both there.
        """
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a client's certificate and its key go together; give both, or none")
        return grpc.ssl_channel_credentials(*map(_read, (self.authorities, self.key, self.certificate)))

    def for_http(self) -> ssl.SSLContext:
        """Returns what HTTP is encrypted by, of files that `credentials` has read; raises ValueError."""
        try:
            context = ssl.create_default_context(cafile=self.authorities)
            if self.certificate is not None and self.key is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:
            named = ", ".join(str(file) for file in (self.authorities, self.certificate, self.key) if file is not None)
            raise ValueError(f"one of {named} cannot be used ({error}); name PEM files") from error
        return context


def connect(grpc_: Any, address: str, retries: Retries, tls: Tls | None) -> tuple[Any, Any]:
    """Prepare a channel to host:port; nothing is sent.

    Args:
      grpc_: the module that makes it, `grpc` or `grpc.aio`.
      address: host:port.
      retries: which refusals a request is sent again after.
      tls: what encrypts it; None sends in the clear.

    Returns:
      The channel, and the method of it that calls Predict.

    Raises:
      ValueError: where a certificate cannot be read.
    """
    options = _options(address, retries, tls)
    if tls is None:
        channel = grpc_.insecure_channel(address, options=options)
    else:
        channel = grpc_.secure_channel(address, tls.credentials(), options=options)
    return channel, channel.unary_unary(
        PREDICT, request_serializer=PredictRequest.SerializeToString, response_deserializer=PredictResponse.FromString
    )


def _options(address: str, retries: Retries, tls: Tls | None) -> list[tuple[str, str | int]]:
    found: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", _UNBOUNDED),
        ("grpc.max_send_message_length", _UNBOUNDED),
        *retries.options(),
    ]
    if _is_on_this_machine(address):  # else gRPC asks the environment's proxy for this machine's own servers too
        found.append(("grpc.enable_http_proxy", 0))
    if tls is not None and tls.server_name is not None:
        found.append(("grpc.ssl_target_name_override", tls.server_name))
    return found


def _read(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); name a PEM file") from error


def _is_on_this_machine(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
