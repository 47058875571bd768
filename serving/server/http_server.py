"""The HTTP port: runs an ASGI application by uvicorn in a thread, from a socket that is bound before."""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from typing import Any

import uvicorn

from serving.server.ports import address_of, cannot_listen, check_port

START_S = 10.0  # an event loop and a listener; far more than it takes


class HttpServer:
    """An ASGI application on one port.

    Attributes:
      address: host:port, with the port that was bound.
    """

    def __init__(self, *, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Bind the port; requests are answered from `start` on.

        Raises:
          ValueError: when the port is none.
          OSError: when it cannot be bound.
        """
        check_port(port)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port whose last owner has just gone
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise cannot_listen(host, port) from error
        self.address = address_of(host, self._socket.getsockname()[1])
        self._tls = tls
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, app: Any, grace_s: float) -> None:
        """Begin to answer; `grace_s` is how long `stop` lets requests end."""
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=math.ceil(grace_s),
        )
        config.load()
        config.ssl = self._tls
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="http", daemon=True)
        self._thread.start()
        ends = time.monotonic() + START_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < ends:
            time.sleep(0.005)

    def stop(self) -> None:
        """Refuse new requests, let those in work end, and return when all is down."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._socket.close()
