"""Two small models behind REST: `half_plus_two` and `every_kind`."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="package")
def handler(small_models):
    from serving.server.monitoring.observer import Monitoring
    from serving.server.rest.handler import RestHandler

    return RestHandler(small_models, Monitoring())


@pytest.fixture(scope="package")
def ask(handler):
    """Returns a function from (method, path, body) to (status, text)."""
    from serving.server.access_log import Access
    from serving.server.core.spec import PATIENT

    def ask(method, path, body=b""):
        body = body if isinstance(body, bytes) else body.encode()
        answer = handler.answer(method, path, body, PATIENT, Access("REST", method, "test"))
        return answer.status, answer.body.decode()

    return ask
