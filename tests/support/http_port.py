"""An ASGI application behind a real port, as the server runs it: uvicorn in a thread. And how to ask it."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def http_port(app: Any) -> Iterator[str]:
    """Run an application; yields host:port."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, server_header=False, lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    running = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    running.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        running.join()
        listener.close()


def ask(address, method, path, body=None, headers=None):
    """Returns (status, headers, body)."""
    connection = http.client.HTTPConnection(address, timeout=60)
    try:
        connection.request(method, path, body, headers or {}, encode_chunked="Transfer-Encoding" in (headers or {}))
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()
