"""A search server over a few coloured pictures, whose right answers are plain to see."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from colour_encoder import ColourEncoder, picture

from serving.encoders.opening import encoder_of
from serving.search.api.handlers import Searched
from serving.search.pictures import Pictures
from serving.search.searcher import Searcher
from serving.search.shards.schema import vector_column
from serving.search.stores.exact import ExactStore
from serving.search.stores.store import Store

COLOURS = {  # caption -> colour
    "a red wall": (255, 0, 0),
    "a red brick": (220, 60, 30),
    "a green field": (0, 255, 0),
    "the sea": (0, 0, 200),
    "a violet flower": (200, 0, 200),
    "<script>alert(1)</script> grey": (120, 120, 120),
}
LANGUAGES = ("en", "de")
DAY = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def colour_rows(captions: Sequence[str] = tuple(COLOURS), *, start: int = 0) -> pa.Table:
    """Returns a row a colour: id "<number>", every second one in German, one more pixel wide each, a day later each."""
    files = [picture(*COLOURS[caption]) for caption in captions]
    numbers = range(start, start + len(captions))
    return pa.table(
        {
            "id": [str(number) for number in numbers],
            "vector": vector_column(ColourEncoder().encode_image(files)),
            "caption": list(captions),
            "language": [LANGUAGES[number % 2] for number in numbers],
            "label": ["colour"] * len(files),
            "split": ["train"] * len(files),
            "source": ["colours.tar"] * len(files),
            "row": pa.array([list(COLOURS).index(caption) for caption in captions], pa.int64()),
            "width": pa.array([2 + number for number in numbers], pa.int32()),
            "height": pa.array([2] * len(files), pa.int32()),
            "ingested": [DAY + datetime.timedelta(days=number) for number in numbers],
            "sha256": [hashlib.sha256(file).hexdigest() for file in files],
        }
    )


def read_colour(source: str, row: int) -> bytes:
    """Returns the picture of a row."""
    if source != "colours.tar":
        raise FileNotFoundError(f"{source} is gone")
    return picture(*list(COLOURS.values())[row])


def colour_store(folder: Path) -> Store:
    """Returns a store of the colours in a new folder."""
    encoder = encoder_of(ColourEncoder(), "colours")
    store = ExactStore(folder / "exact.parquet", fingerprint=encoder.fingerprint, dimension=4)
    store.add(colour_rows())
    return store


def colours_searched(store: Store, version: str = "1") -> Searched:
    """Returns what `search_app` takes, of such a store."""
    searcher = Searcher(encoder_of(ColourEncoder(), "colours"), store, version=version)
    return Searched(searcher, Pictures(store, read_colour))


def cosine(left: np.ndarray, right: np.ndarray) -> float:
    """Returns the cosine of two vectors."""
    return float(left @ right / np.linalg.norm(left) / np.linalg.norm(right))
