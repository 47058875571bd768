"""The search server over made pictures, and a headless Chromium that opens its page; `make test-page`."""

from __future__ import annotations

import shutil

import pytest
from http_port import http_port

from search_browser import DIMENSION, PICTURES, NumberedEncoder, Opened, drawn, rows

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    """The search server's application: version 2 of all pictures, version 1 of the first half."""
    from serving.encoders.opening import encoder_of
    from serving.search.api.app import search_app
    from serving.search.api.handlers import Searched
    from serving.search.pictures import Pictures
    from serving.search.searcher import Searcher
    from serving.search.stores.exact import ExactStore

    def searched(version: str, numbers: range) -> Searched:
        encoder = encoder_of(NumberedEncoder(), "numbered colours")
        path = tmp_path_factory.mktemp("index") / "exact.parquet"
        store = ExactStore(path, fingerprint=encoder.fingerprint, dimension=DIMENSION)
        store.add(rows(numbers))
        return Searched(Searcher(encoder, store, version=version), Pictures(store, lambda source, row: drawn(row)))

    return search_app([searched("2", range(PICTURES)), searched("1", range(PICTURES // 2))])


@pytest.fixture(scope="session")
def address(app):
    with http_port(app) as address:
        yield f"http://{address}"


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; `make` installs it")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is on the PATH; install one (apt install chromium)")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, address):
    """Opens the page of the search server; at the end nothing may have gone wrong in it."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    opened = Opened(context.new_page(), address)
    yield opened
    context.close()
    assert opened.wrong == []
