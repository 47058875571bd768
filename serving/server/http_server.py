"""The HTTP port: runs an ASGI application by uvicorn in a thread, from a socket that is bound before."""

from __future__ import annotations

import logging
import math
import ssl
import threading
import time
from typing import Any

import uvicorn

from serving.server.ports import address_of, bound_socket, cannot_listen

START_S = 10.0  # an event loop and a listener; far more than it takes
_NO_HTTP = "Invalid HTTP request received."  # uvicorn's line for each, by which one client could fill the log


class HttpServer:
    """An ASGI application on one port.

    Attributes:
      address: host:port, with the port that was bound.
    """

    def __init__(self, app: Any, *, host: str, port: int, tls: ssl.SSLContext | None, grace_s: float) -> None:
        """Bind the port; requests are answered from `start` on.

        Args:
          app: the ASGI application.
          host: address to listen on.
          port: 0 takes a free one.
          tls: what to encrypt by, or None.
          grace_s: seconds that requests in work have to end at `stop`.

        Raises:
          ValueError: when the port is none.
          OSError: when it cannot be bound.
        """
        self._socket = bound_socket(host, port)
        self._host, self._port = host, self._socket.getsockname()[1]
        self.address = address_of(host, self._port)
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
        config.ssl = tls
        logging.getLogger("uvicorn.error").addFilter(_is_worth_a_line)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="http", daemon=True)

    def start(self) -> None:
        """Begin to answer.

        Raises:
          OSError: when another server has begun to listen on the port since it was bound here.
        """
        try:
            self._socket.listen(self._server.config.backlog)
        except OSError as error:
            raise cannot_listen(self._host, self._port) from error
        self._thread.start()
        ends = time.monotonic() + START_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < ends:
            time.sleep(0.005)

    def drain(self) -> None:
        """Refuse new requests; returns at once."""
        self._server.should_exit = True

    def stop(self) -> None:
        """Refuse new requests, let those in work end, and return when all is down."""
        self.drain()
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return record.msg != _NO_HTTP
