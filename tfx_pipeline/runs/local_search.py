"""Searches in this process, with the model loaded here: an index, or a run's images where no index was built."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa

from serving.pictures import PictureError
from serving.search.api.answered import answer_json
from serving.search.api.asked import read_asked
from serving.search.pictures import PictureGone, Pictures, small
from serving.search.searcher import Searcher
from serving.search.shards.schema import conform, vector_column
from serving.search.stores.exact import FixedStore
from tfx_pipeline.runs.corpus import CorpusImage, image_at
from tfx_pipeline.settings.config import ConfigError

if TYPE_CHECKING:
    from serving.encoders.encoder import Encoder
    from serving.search.cosine import ImageIndex


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


class RunImages:
    """Answers likewise about the images of a run, whose captions are read with the pictures that are found.

    Attributes:
      described: what is searched, in words.
    """

    def __init__(self, examples: Path, index: ImageIndex, encoder: Encoder, described: str) -> None:
        """Search an index of `tfx_pipeline.runs.corpus`."""
        self.described = described
        self._examples, self._index = examples, index
        self._row = {name: row for row, name in enumerate(index.names)}
        self._read: dict[str, CorpusImage] = {}
        store = FixedStore(_table(index), encoder.fingerprint)
        self._local = LocalSearch(Searcher(encoder, store), Pictures(store, _nothing), described)

    def search(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """See `LocalSearch.search`."""
        answer = self._local.search(question)
        for hit in answer["hits"]:
            image = self._image(hit["id"])
            hit.update(caption=image.caption, label=image.label, record=image.record)
        return answer

    def splits(self) -> list[str]:
        """See `LocalSearch.splits`."""
        return self._local.splits()

    def picture(self, name: str, side: int) -> bytes | None:
        """See `LocalSearch.picture`."""
        try:
            return small(self._image(name).encoded, side).encoded
        except PictureError:
            return None

    def _image(self, name: str) -> CorpusImage:
        if name not in self._read:
            self._read[name] = image_at(self._examples, self._index, self._row[name])
        return self._read[name]


def _table(index: ImageIndex) -> pa.Table:
    names = pa.array(index.names)
    splits = pa.array([name.partition("/")[0] for name in index.names])
    dimension = index.embeddings.shape[1]
    rows = pa.table({"id": names, "split": splits, "vector": vector_column(np.asarray(index.embeddings))})
    return conform(rows, dimension)


def _nothing(source: str, row: int | None) -> bytes:
    raise ConfigError("a run's images are read by their names")
