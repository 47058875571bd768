"""Malformed requests as bytes on the wire, from a seed: what a broken, careless or hostile client sends over HTTP.

Each has the statuses that it may be answered with. The model is any with `encode_image` and `encode_text`.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

NO_ANSWER = 0  # the connection ends without a word
LIMIT_S = 60.0
BODIES = (
    b'{"instances": ["red", "green"], "signature_name": "encode_text"}',
    b'{"inputs": {"text": ["red", {"b64": "cmVk"}]}, "signature_name": "encode_text"}',
    b'{"instances": [{"b64": "iVBORw0KGgo="}], "signature_name": "encode_image"}',
    b'{"examples": [{"x": 2.0, "y": [1], "z": "\\u00e9"}], "context": {"x": 1.0}, "signature_name": "encode_text"}',
    b'{"id": "1", "inputs": [{"name": "text", "datatype": "BYTES", "shape": [2], "data": ["red", "green"]}], '
    b'"parameters": {"signature_name": "encode_text"}}',
    b'{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 7}}]}'
    b"\x03\0\0\0red",
)
PATHS = (
    "/v1/models/align:predict",
    "/v1/models/align:classify",
    "/v1/models/align:regress",
    "/v1/models/align/versions/1:predict",
    "/v1/models/align/labels/stable:predict",
    "/v1/models/align/metadata",
    "/v2/models/align/infer",
    "/v2/models/align:encode_text/infer",
    "/v2/models/align/versions/1/ready",
)
PIECES = (
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"1",
        b"-",
        b"1e999",
        b"NaN",
        b"null",
        b"true",
        b'{"b64": "*"}',
        b"\xff",
    ),
    *(b"\\ud800", b"99999999999999999999", b"[" * 50, b'"x"', b"\0", b"[]", b"{}"),
)
ENDS = ("", "/", "?x=1", "%ff", "%", ":", "/versions/99999999999999999999", "\xff", "//")
SPOILT = frozenset({200, 400, 404, 405, 501})


@dataclass(frozen=True)
class MalformedHttp:
    """One request.

    Attributes:
      kind: what is wrong with it.
      sent: all that the client sends.
      statuses: what it may be answered with.
      is_cut: whether the server would wait for more; the client then ends its side of the connection.
    """

    kind: str
    sent: bytes
    statuses: frozenset[int]
    is_cut: bool


def malformed_http(seed: int, count: int) -> Iterator[MalformedHttp]:
    """Yields `count` requests, each kind in turn, the same ones for the same seed."""
    rng = random.Random(seed)
    for position in range(count):
        kind, (make, statuses) = list(KINDS.items())[position % len(KINDS)]
        yield MalformedHttp(kind, make(rng), frozenset(statuses), is_cut=NO_ANSWER in statuses)


def spoilt(rng: random.Random, bodies: Sequence[bytes]) -> bytes:
    """Returns a body with pieces put in, taken out or cut off."""
    body = rng.choice(bodies)
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(body) + 1)
        body = rng.choice(
            (
                body[:at] + rng.choice(PIECES) + body[at:],
                body[:at] + body[at + rng.randrange(1, 9) :],
                body[:at],
                body[:at] + rng.choice(PIECES) + body[at + 1 :],
            )
        )
    return body


def spoilt_path(rng: random.Random, paths: Sequence[str]) -> str:
    """Returns a path, which may go on as none does."""
    return rng.choice(paths) + (rng.choice(ENDS) if rng.random() < 0.3 else "")


def status_of(address: str, request: MalformedHttp) -> int:
    """Send a request to host:port; returns the status of the answer, or NO_ANSWER."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), LIMIT_S) as connection:
        try:
            connection.sendall(request.sent)
            if request.is_cut:
                connection.shutdown(socket.SHUT_WR)
            said = b"".join(iter(lambda: connection.recv(65536), b""))
        except (ConnectionResetError, BrokenPipeError):
            return NO_ANSWER
    return int(said.split(b" ", 2)[1]) if said else NO_ANSWER


def _request(path: str, body: bytes, *headers: str, method: str = "POST", length: int | None = None) -> bytes:
    lines = (f"{method} {path} HTTP/1.1", "Host: here", "Connection: close", *headers)
    lines = (*lines, f"Content-Length: {len(body) if length is None else length}", "", "")
    return "\r\n".join(lines).encode("latin-1") + body


def _spoilt(rng: random.Random) -> bytes:
    headers = [f"Inference-Header-Content-Length: {rng.randrange(200)}"] if rng.random() < 0.3 else []
    method = rng.choice(("POST", "POST", "POST", "GET", "PUT"))
    return _request(spoilt_path(rng, PATHS), spoilt(rng, BODIES), *headers, method=method)


def _cut(rng: random.Random) -> bytes:
    """A body that ends before the length that was announced, which may be of gigabytes."""
    body = rng.choice(BODIES)
    return _request(PATHS[0], body, length=rng.choice((len(body) + 1, 10**6, 2**31, 2**62)))


def _chunks(rng: random.Random) -> bytes:
    """Chunks whose sizes are none, or lie."""
    chunk = rng.choice(
        (b"zz\r\n", b"-1\r\nab", b"ffffffffffffffffff\r\n", b"5\r\nabc\r\n0\r\n\r\n", b"\0", b"3\r\nabcde")
    )
    return b"POST " + PATHS[0].encode() + b" HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk


def _packed(rng: random.Random) -> bytes:
    """A body that is called gzip and is none, or not whole."""
    return _request(
        PATHS[0], rng.choice((b"\x1f\x8b\x08", rng.randbytes(20), b"", BODIES[0])), "Content-Encoding: gzip"
    )


def _no_http(rng: random.Random) -> bytes:
    """Bytes that are no HTTP: TLS, HTTP/2, a shell, noise, a request line or a header without an end."""
    return rng.choice(
        (
            b"\x16\x03\x01\x02\x00\x01\x00" + rng.randbytes(60),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"id; uname -a\r\n\r\n",
            rng.randbytes(rng.randint(1, 200)),
            b"GET /" + b"a" * 100_000,
            b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000,
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /v1/models/align:predict HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        )
    )


KINDS: dict[str, tuple[Callable[[random.Random], bytes], set[int]]] = {  # kind -> (maker, statuses)
    "spoilt JSON": (_spoilt, set(SPOILT)),
    "cut body": (_cut, {NO_ANSWER, 400, 413, 499}),
    "chunks": (_chunks, {NO_ANSWER, 400, 499}),
    "gzip": (_packed, {400}),
    "no HTTP": (_no_http, {NO_ANSWER, 400, 404, 405}),
}
