"""How an HTTP request reaches the code that answers it: its body, who waits, a thread, and a line in the log.

The code that answers blocks, so it runs in a thread. There are `HttpLimits.in_work` of them; a request that finds all
of them taken waits, and one that finds as many waiting is refused at once. GET has threads of its own, as has the
uncompressing of bodies, so that who asks for a status or the metrics is answered however busy the models are.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serving.server.access_log import Access, AccessLog
from serving.server.core.spec import Caller
from serving.server.http_answer import Answer

_LOG = logging.getLogger(__name__)
READERS = 8  # threads of what asks no model to compute
Work = Callable[[bytes, Caller, Access], Answer]  # (body, who waits, what the log says of it) -> the answer


@dataclass(frozen=True)
class HttpLimits:
    """What the HTTP port takes.

    Attributes:
      body_bytes: of a request's body, also uncompressed.
      timeout_s: after it nobody waits any more; TensorFlow Serving's --rest_api_timeout_in_ms.
      in_work: requests that are worked on at once.
      waiting: requests that wait for that.
    """

    body_bytes: int = 256 * 2**20
    timeout_s: float = 30.0
    in_work: int = 64
    waiting: int = 256


class _TooLarge(Exception):
    """A body past the limit."""


class _Refused(Exception):
    """A request that is answered before anybody works on it."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class HttpCalls:
    """Takes the requests of an HTTP port.

    Args:
      limits: what it takes.
      access_log: where each request is written.
    """

    def __init__(self, limits: HttpLimits, access_log: AccessLog) -> None:
        self._limits = limits
        self._access_log = access_log
        self._places = anyio.CapacityLimiter(limits.in_work)
        self._reading = anyio.CapacityLimiter(READERS)
        self._uncompressing = anyio.CapacityLimiter(os.cpu_count() or 1)

    async def answer(self, request: Request, api: str, work: Work, error_body: Callable[[str], bytes]) -> Response:
        """Answer a request by `work` in a thread, and write a line of it.

        Args:
          request: what came.
          api: what the log calls it.
          work: makes the answer.
          error_body: makes the body of a refusal from one sentence.
        """
        peer = f"{request.client.host}:{request.client.port}" if request.client else ""
        with self._access_log.request(api, f"{request.method} {target(request)}", peer) as access:
            try:
                answer = await self._work(request, partial(_answered, work, error_body), access)
            except _Refused as refused:
                answer = Answer(refused.status, error_body(refused.why))
            access.status, access.response_bytes = answer.status, len(answer.body)
            return Response(answer.body, answer.status, dict(answer.headers))

    async def _work(self, request: Request, work: Work, access: Access) -> Answer:
        limits = self._limits
        deadline = time.monotonic() + limits.timeout_s if limits.timeout_s > 0 else math.inf
        try:
            body = await self._body(request)
        except _TooLarge as error:
            raise _Refused(413, f"the body is larger than {limits.body_bytes} bytes, which is the limit") from error
        except ClientDisconnect as error:
            raise _Refused(499, "the caller is gone") from error
        access.request_bytes = len(body)
        places = self._places if request.method == "POST" else self._reading
        if not places.available_tokens and places.statistics().tasks_waiting >= limits.waiting:
            raise _Refused(
                429, f"{limits.in_work} requests are in work and {limits.waiting} wait; send this one again later"
            )
        gone = threading.Event()
        caller = Caller(deadline, lambda: not gone.is_set())
        async with anyio.create_task_group() as watching:
            watching.start_soon(_watch, request, gone)
            answer = await anyio.to_thread.run_sync(work, body, caller, access, limiter=places)
            watching.cancel_scope.cancel()
        return answer

    async def _body(self, request: Request) -> bytes:
        """Returns the body, uncompressed; b"" where it does not uncompress, as TensorFlow Serving has it."""
        limit = self._limits.body_bytes
        if int(request.headers.get("content-length") or 0) > limit:
            raise _TooLarge
        parts, size = [], 0
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > limit:
                raise _TooLarge
        body = b"".join(parts)
        if "gzip" not in request.headers.get("content-encoding", ""):
            return body
        return await anyio.to_thread.run_sync(_uncompressed, body, limit, limiter=self._uncompressing)


def target(request: Request) -> str:
    """Returns the path of a request with its query, as the request line has them."""
    path = request.scope.get("raw_path") or request.scope["path"].encode()
    query = request.scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")


def _answered(work: Work, error_body: Callable[[str], bytes], body: bytes, caller: Caller, access: Access) -> Answer:
    """Returns what `work` answers; where it fails as nobody foresaw, a 500 whose cause stands in the server's log."""
    try:
        return work(body, caller, access)
    except Exception:
        _LOG.exception("%s %s failed", access.api, access.method)
        return Answer(500, error_body("the server failed; its log has the cause"))


async def _watch(request: Request, gone: threading.Event) -> None:
    """Notes when the connection of a request is gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()


def _uncompressed(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(wbits=31)
    try:
        text = stream.decompress(body, limit + 1)
    except zlib.error:
        return b""
    if len(text) > limit:
        raise _TooLarge
    return text if stream.eof else b""
