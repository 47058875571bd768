"""The HTTP port as one ASGI application: TensorFlow Serving's REST, v2, health and metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.server.access_log import AccessLog
from serving.server.core.models import ServedModels
from serving.server.http_answer import JSON
from serving.server.http_calls import HttpCalls, HttpLimits, target
from serving.server.monitoring import config_file, exposition
from serving.server.monitoring.observer import Monitoring
from serving.server.open_inference.http_handler import OpenInferenceHandler, error_body
from serving.server.open_inference.inference import OpenInference
from serving.server.rest import answers
from serving.server.rest.handler import RestHandler, preflight
from serving.server.rest.paths import is_rest

_CORS = {  # AddCORSHeaders of model_servers/http_rest_api_util.cc
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST, GET",
    "Access-Control-Allow-Headers": "Content-Type",
}
_NOT_FOUND = (  # the page of libevent, by which TensorFlow Serving speaks HTTP
    b"<HTML><HEAD>\n<TITLE>404 Not Found</TITLE>\n</HEAD><BODY>\n<H1>Not Found</H1>\n</BODY></HTML>\n"
)
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]


@dataclass(frozen=True)
class HttpSettings:
    """How the HTTP port behaves.

    Attributes:
      limits: what it takes.
      metrics_path: where Prometheus asks; None for nowhere.
      extra_headers: of every REST answer; `CORS_HEADERS` lets pages of any origin ask.
    """

    limits: HttpLimits = field(default_factory=HttpLimits)
    metrics_path: str | None = config_file.DEFAULT_PATH
    extra_headers: Mapping[str, str] = field(default_factory=dict)


CORS_HEADERS: Mapping[str, str] = _CORS


def http_app(
    models: ServedModels,
    monitoring: Monitoring,
    settings: HttpSettings | None = None,
    access_log: AccessLog | None = None,
    is_draining: Callable[[], bool] = lambda: False,
) -> Starlette:
    """Returns the application.

    Args:
      models: what is served.
      monitoring: what is measured.
      settings: how it behaves.
      access_log: where each request is written; None for nowhere.
      is_draining: whether the server has begun to stop, so that it is not ready any more.

    Examples:
      >>> app = http_app(models, Monitoring())  # doctest: +SKIP
    """
    settings = settings or HttpSettings()
    calls = HttpCalls(settings.limits, access_log or AccessLog())
    rest = RestHandler(models, monitoring)
    v2 = OpenInferenceHandler(OpenInference(models, monitoring))

    async def answer_rest(request: Request) -> Response:
        path = target(request)
        if not is_rest(path):
            return Response(_NOT_FOUND, 404, {"Content-Type": "text/html"})
        if request.method == "OPTIONS":
            answer = preflight(request.headers.get("origin", ""))
            response = Response(answer.body, answer.status)
        else:
            response = await calls.answer(
                request,
                "REST",
                lambda body, caller, access: rest.answer(request.method, path, body, caller, access),
                answers.error,
            )
        response.headers.update(settings.extra_headers)
        return response

    async def answer_v2(request: Request) -> Response:
        path = target(request).partition("?")[0]
        return await calls.answer(
            request,
            "V2",
            lambda body, caller, access: v2.answer(request.method, path, request.headers, body, caller, access),
            error_body,
        )

    def answer_metrics(request: Request) -> Response:
        if target(request) != settings.metrics_path:
            text = f"Unexpected path: {target(request)}. Should be {settings.metrics_path}"
            return Response(text, 400, {"Content-Type": exposition.CONTENT_TYPE})
        return Response(monitoring.page(), 200, {"Content-Type": exposition.CONTENT_TYPE})

    async def answer_ready(request: Request) -> Response:
        is_ready = models.is_ready and not is_draining()
        return Response(json.dumps({"ready": is_ready}) + "\n", 200 if is_ready else 503, dict(JSON))

    routes = [
        Route("/healthz", answer_alive),
        Route("/readyz", answer_ready),
        Route("/v2", answer_v2, methods=_METHODS),
        Route("/v2/{path:path}", answer_v2, methods=_METHODS),
        Route("/{path:path}", answer_rest, methods=_METHODS),
    ]
    if settings.metrics_path is not None:
        routes.insert(0, Route(settings.metrics_path, answer_metrics, methods=_METHODS))
    return Starlette(routes=routes)


async def answer_alive(request: Request) -> Response:
    """Says that the process answers; needs no thread, as `answer_ready` needs none."""
    return Response(json.dumps({"alive": True}) + "\n", 200, dict(JSON))
