"""The search server's HTTP as one ASGI application: the API, the pictures, the page, health and metrics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio.to_thread
import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.search.api.guard import Guard
from serving.search.api.handlers import SearchApi, Searched, Work, error_body, refusing
from serving.search.api.measures import Measures
from serving.search.api.openapi import openapi
from serving.search.api.page_files import INDEX, POLICY, page_files
from serving.search.api.rate import Rate
from serving.server.access_log import AccessLog
from serving.server.http_answer import JSON
from serving.server.http_calls import HttpCalls, HttpLimits
from serving.server.monitoring import exposition

SIDE = 256  # pixels of a thumbnail, where a request does not say


@dataclass(frozen=True)
class SearchSettings:
    """How the server behaves.

    Attributes:
      limits: what it takes.
      rate: how much of it one address may ask for; None for no limit.
      hosts: what requests may call the server, so that no foreign page asks by a name of its own; None for any name.
      token: what /healthz says, by which a file that names the server is known to be of this one.
    """

    limits: HttpLimits = field(default_factory=lambda: HttpLimits(body_bytes=32 * 2**20, in_work=16))
    rate: Rate | None = None
    hosts: frozenset[str] | None = None
    token: str = ""


def search_app(
    searched: Sequence[Searched], settings: SearchSettings | None = None, access_log: AccessLog | None = None
) -> Starlette:
    """Returns the application.

    Args:
      searched: models with their indexes, the one first that is asked where a request names none.
      settings: how it behaves.
      access_log: where each request is written; None for nowhere.

    Raises:
      ValueError: for no index, or two of one version.
    """
    settings = settings or SearchSettings()
    api, measures = SearchApi(searched), Measures([searcher for searcher, _ in searched])
    calls = HttpCalls(settings.limits, access_log or AccessLog())
    files, schema = page_files(), orjson.dumps(openapi(settings.limits.body_bytes))

    async def called(request: Request, route: str, work: Work) -> Response:
        with measures.request(route) as measured:
            response = await calls.answer(request, "SEARCH", refusing(work), error_body)
            measured.status = response.status_code
            return response

    async def search(request: Request) -> Response:
        return await called(request, "/api/search", api.search)

    async def search_parquet(request: Request) -> Response:
        return await called(request, "/api/search.parquet", api.search_parquet)

    async def info(request: Request) -> Response:
        return await called(request, "/api/info", api.info)

    async def picture(request: Request) -> Response:
        name, side = request.path_params["name"], request.query_params.get("size", str(SIDE))
        return await called(request, "/api/images", lambda body, caller, access: api.picture(name, side))

    async def metrics(request: Request) -> Response:
        text = await anyio.to_thread.run_sync(measures.page)
        return Response(text, 200, {"Content-Type": exposition.CONTENT_TYPE})

    async def alive(request: Request) -> Response:
        return Response(json.dumps({"alive": True, "token": settings.token}), 200, dict(JSON))

    async def described(request: Request) -> Response:
        return Response(schema, 200, dict(JSON))

    async def page(request: Request) -> Response:
        file = files.get(request.path_params.get("name", INDEX))
        if file is None:
            raise HTTPException(404)
        headers = {"Content-Type": file.media_type, "Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
        return Response(file.content, 200, headers)

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        why = {405: f"{request.method} is not for {request.url.path}; see /openapi.json"}
        said = why.get(status, f"there is nothing at {request.url.path[:200]}; see /openapi.json")
        return Response(error_body(said), status, dict(JSON))

    routes = [
        Route("/api/search", search, methods=["POST"]),
        Route("/api/search.parquet", search_parquet, methods=["POST"]),
        Route("/api/info", info),
        Route("/api/images/{name:path}", picture),
        Route("/openapi.json", described),
        Route("/metrics", metrics),
        Route("/healthz", alive),
        Route("/", page),
        Route("/{name}", page),
    ]
    app = Starlette(routes=routes, exception_handlers={404: refused, 405: refused})
    app.add_middleware(Guard, hosts=settings.hosts, rate=settings.rate)
    return app
