"""An ASGI application behind a real port, as the server runs it: uvicorn in a thread."""

from __future__ import annotations

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
