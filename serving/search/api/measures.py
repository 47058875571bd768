"""What the search server measures of itself, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from serving.search.searcher import Searcher
from serving.server.monitoring import exposition
from serving.server.monitoring.metrics import Registry

_SECONDS = (0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass
class Request:
    """A request in work; its status is written here."""

    status: int = 500


class Measures:
    """The metrics of one search server.

    Examples:
      >>> measures = Measures([])
      >>> with measures.request("/api/search") as request:
      ...     request.status = 200
      >>> 'align_search_requests_total{route="/api/search",status="200"} 1' in measures.page()
      True
    """

    def __init__(self, searchers: Sequence[Searcher]) -> None:
        """Measure nothing yet; `searchers` are asked for their counts."""
        self._searchers = searchers
        self._registry = Registry()
        self._requests = self._registry.counter("align_search_requests_total", "Requests answered.", "route", "status")
        self._seconds = self._registry.histogram(
            "align_search_request_seconds", "From a request to its answer.", "route", limits=_SECONDS
        )
        self._in_progress = self._registry.gauge("align_search_requests_in_progress", "Requests in work.", "route")
        self._images = self._registry.gauge("align_search_images", "Images in the index.", "model", "version")

    @contextmanager
    def request(self, route: str) -> Iterator[Request]:
        """Count and time one request."""
        request, start = Request(), time.perf_counter()
        self._in_progress.add(route)
        try:
            yield request
        finally:
            self._in_progress.add(route, by=-1)
            self._requests.add(route, request.status)
            self._seconds.observe(time.perf_counter() - start, route)

    def page(self) -> str:
        """Returns all of it as Prometheus reads it."""
        for searcher in self._searchers:
            with suppress(OSError, ValueError):  # of a store that is down, whose last count stays
                self._images.set(searcher.store.count(), searcher.name, searcher.version)
        return exposition.prometheus_text(self._registry)
