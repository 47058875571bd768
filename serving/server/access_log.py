"""The access log: one JSON line for each request, of whatever protocol."""

from __future__ import annotations

import json
import logging
import logging.handlers
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

import grpc

from serving.server.refusal import Refusal

STDERR = "-"  # in the place of a file


@dataclass
class Access:
    """What a line says of one request; its protocol writes here what it learns.

    Attributes:
      api: GRPC, REST or V2.
      method: such as Predict, or the method and path of HTTP.
      peer: who asked, as its connection states it.
      model: what the request calls the model.
      version: the version that answered, or None.
      signature: the signature asked for.
      rows: of the batch dimension, or None.
      request_bytes: size of the request.
      response_bytes: size of the answer.
      status: the canonical code, or HTTP's.
    """

    api: str
    method: str
    peer: str
    model: str = ""
    version: int | None = None
    signature: str = ""
    rows: int | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    status: str | int = "OK"


class AccessLog:
    """Writes to a file, to standard error, or nowhere; safe to call from many threads.

    A file may be moved away by logrotate: the next line opens a new one. A full disk stops the log, not the server.
    """

    def __init__(self, target: str | None = None) -> None:
        """Open the log.

        Args:
          target: a file to append to, STDERR, or None for no log.

        Raises:
          OSError: when the file cannot be opened.
        """
        self._is_failing = False
        self._handler: logging.Handler | None = None
        if target == STDERR:
            self._handler = logging.StreamHandler(sys.stderr)
        elif target is not None:
            self._handler = logging.handlers.WatchedFileHandler(target, encoding="utf-8", errors="backslashreplace")
        if self._handler is not None:
            self._handler.handleError = self._say_once  # type: ignore[method-assign]  # else a traceback a request

    @contextmanager
    def request(self, api: str, method: str, peer: str) -> Iterator[Access]:
        """Write a line of a request when the block ends; a Refusal that leaves it gives its code, others UNKNOWN."""
        access, began = Access(api, method, peer), time.perf_counter()
        try:
            yield access
        except Refusal as refusal:
            access.status = refusal.code.name
            raise
        except BaseException:
            access.status = grpc.StatusCode.UNKNOWN.name
            raise
        finally:
            self._write(access, time.perf_counter() - began)

    def close(self) -> None:
        """Close the file."""
        if self._handler is not None:
            self._handler.close()

    def _say_once(self, record: logging.LogRecord) -> None:
        if not self._is_failing:
            self._is_failing = True
            error = sys.exc_info()[1]
            print(f"the access log cannot be written ({error}); requests are answered all the same", file=sys.stderr)

    def _write(self, access: Access, seconds: float) -> None:
        if self._handler is None:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, **asdict(access), "ms": round(seconds * 1e3, 3)}, ensure_ascii=False)
        record = logging.makeLogRecord({"msg": line})
        try:
            self._handler.handle(record)
        except OSError:  # a file that was moved away, and cannot be opened anew
            self._say_once(record)
