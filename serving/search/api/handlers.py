"""What each route of the search API answers with; everything here runs in a thread and may block."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from serving.search.api.answered import answer_json, answer_parquet
from serving.search.api.asked import Asked, read_asked
from serving.search.pictures import LEAST_SIDE, MOST_SIDE, PictureGone, Pictures
from serving.search.questions import Answer as Found
from serving.search.questions import Unavailable, UnknownImage
from serving.search.searcher import Searcher
from serving.search.weights import IMAGE_WEIGHT, TEXT_WEIGHT
from serving.server.access_log import Access
from serving.server.core.spec import Caller
from serving.server.http_answer import Answer

FIELDS = ("language", "label", "split", "source")  # of which /api/info tells the values
MOST_VALUES = 200
_PICTURE_KEPT_S = 3600
_PARQUET = {
    "Content-Type": "application/vnd.apache.parquet",
    "Content-Disposition": 'attachment; filename="search.parquet"',
}
Work = Callable[[bytes, Caller, Access], Answer]


class Searched(NamedTuple):
    """One model with its index, and the pictures of that index."""

    searcher: Searcher
    pictures: Pictures


class SearchApi:
    """Answers the requests for searches, by the models and indexes that are there."""

    def __init__(self, searched: Sequence[Searched]) -> None:
        """Answer by the given ones; the first is asked where a request names no model.

        Raises:
          ValueError: for none, or two of one version.
        """
        versions = [searcher.version for searcher, _ in searched]
        if not versions or len(set(versions)) < len(versions):
            raise ValueError(f"the indexes are of the versions {versions}; give one or more, each of another")
        self.searched = searched
        self._by_version = {searcher.version: searcher for searcher, _ in searched}

    def search(self, body: bytes, caller: Caller, access: Access) -> Answer:
        """Answers with JSON."""
        start = time.perf_counter()
        found = self._found(read_asked(body), access)
        return Answer(200, answer_json(found, (time.perf_counter() - start) * 1e3))

    def search_parquet(self, body: bytes, caller: Caller, access: Access) -> Answer:
        """Answers with a file."""
        return Answer(200, answer_parquet(self._found(read_asked(body), access)), _PARQUET)

    def info(self, body: bytes, caller: Caller, access: Access) -> Answer:
        """Says what there is to search."""
        first = self.searched[0].searcher
        told = {
            "count": first.count(),
            "dimension": first.store.dimension,
            "models": [_model(searcher) for searcher, _ in self.searched],
            "fields": {name: first.values(name, MOST_VALUES) for name in FIELDS},
            "text_weight": TEXT_WEIGHT,
            "image_weight": IMAGE_WEIGHT,
        }
        return Answer(200, orjson.dumps(told))

    def picture(self, name: str, side: str) -> Answer:
        """Answers with a picture of one of the indexes."""
        if not (side.isascii() and side.isdigit() and len(side) < 6 and LEAST_SIDE <= int(side) <= MOST_SIDE):
            raise ValueError(f"size is {side[:20]!r}; give pixels from {LEAST_SIDE} to {MOST_SIDE}")
        unknown: UnknownImage | None = None
        for _, pictures in self.searched:
            try:
                shown = pictures.shown(name, int(side))
            except UnknownImage as error:
                unknown = unknown or error
                continue
            kept = f"private, max-age={_PICTURE_KEPT_S}"
            policy = "default-src 'none'"
            headers = {"Content-Type": shown.media_type, "Cache-Control": kept, "Content-Security-Policy": policy}
            return Answer(200, shown.encoded, headers)
        raise unknown or UnknownImage(f"the index has no image {name!r}")

    def _found(self, asked: Asked, access: Access) -> Found:
        searcher = self.searched[0].searcher if asked.model is None else self._by_version.get(asked.model)
        if searcher is None:
            raise ValueError(f"model is {asked.model!r}; the versions here are {', '.join(self._by_version)}")
        access.model, access.rows = searcher.name, asked.question.k
        return searcher.ask(asked.question, asked.page)


def _model(searcher: Searcher) -> dict[str, Any]:
    return {
        "name": searcher.name,
        "version": searcher.version,
        "fingerprint": searcher.fingerprint,
        "count": searcher.count(),
    }


def refusing(work: Work) -> Work:
    """Returns `work` with what it raises turned into an answer of one sentence."""

    def answered(body: bytes, caller: Caller, access: Access) -> Answer:
        try:
            return work(body, caller, access)
        except (UnknownImage, PictureGone) as error:
            return Answer(404, error_body(str(error)))
        except Unavailable as error:
            return Answer(503, error_body(str(error)))
        except ValueError as error:
            return Answer(400, error_body(str(error)))

    return answered


def error_body(sentence: str) -> bytes:
    """Returns the body of a refusal."""
    return json.dumps({"error": " ".join(sentence.split())}).encode()
