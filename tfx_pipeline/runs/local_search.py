"""Searches an index in this process, with the model loaded here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson

from serving.search.api.answered import answer_json
from serving.search.api.asked import read_asked
from serving.search.pictures import PictureGone, Pictures
from serving.search.searcher import Searcher


class LocalSearch:
    """Answers as a search server does.

    Attributes:
      described: what is searched, in words.
    """

    def __init__(self, searcher: Searcher, pictures: Pictures, described: str) -> None:
        """Search an index."""
        self.described = described
        self._searcher, self._pictures = searcher, pictures

    def search(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the answer to a question, both as JSON has them; raises ValueError and Unavailable."""
        start = time.perf_counter()
        found = self._searcher.ask(read_asked(orjson.dumps(question)).question)
        return orjson.loads(answer_json(found, (time.perf_counter() - start) * 1e3))

    def splits(self) -> list[str]:
        """Returns the splits that images of the index belong to."""
        return self._searcher.values("split", 200)

    def picture(self, name: str, side: int) -> bytes | None:
        """Returns the picture of a hit, made small; None where its source is gone."""
        try:
            return self._pictures.shown(name, side).encoded
        except PictureGone:
            return None
