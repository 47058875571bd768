"""What stands before the routes: who may ask, how the server may be called, and the headers of every answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from serving.search.api.handlers import error_body
from serving.search.api.rate import Rate
from serving.server.http_answer import JSON

_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]


class Guard:
    """Says no to a name or a rate that is not allowed, and adds headers to every answer."""

    def __init__(self, app: Any, *, hosts: frozenset[str] | None, rate: Rate | None) -> None:
        """Guard an application.

        Args:
          app: of ASGI.
          hosts: what requests may call the server; None for any name.
          rate: how much one address may ask for; None for no limit.
        """
        self._app, self._hosts, self._rate = app, hosts, rate

    async def __call__(self, scope: Any, receive: Any, send: Callable) -> None:
        """Answer one request."""

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, with_headers)

    def _refusal(self, scope: Any) -> Response | None:
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        if self._hosts is not None and _without_port(host) not in self._hosts:
            said = f"this server is not called {host[:200]!r}; ask it by its address"
            return Response(error_body(said), 400, dict(JSON))
        peer = (scope.get("client") or ("",))[0]
        if self._rate is not None and not self._rate.allows(peer):
            said = f"{peer} sent more than {self._rate.per_second:g} requests a second; send this one again later"
            return Response(error_body(said), 429, {**JSON, "Retry-After": "1"})
        return None


def _without_port(host: str) -> str:
    return host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
