"""Made rows of a search index: vectors around a few centres, some of them equal, with metadata to filter by."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from serving.search.shards.schema import vector_column

LANGUAGES = ("en", "th", None)


def index_rows(ids: Sequence[str], dimension: int = 8, seed: int = 0) -> pa.Table:
    """Returns a row an id; every fifth has the vector of the one before."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(6, dimension))
    vectors = centres[generator.integers(6, size=len(ids))] + 0.4 * generator.normal(size=(len(ids), dimension))
    vectors[4::5] = vectors[3::5][: len(vectors[4::5])]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    return pa.table(
        {
            "id": list(ids),
            "vector": vector_column(vectors),
            "language": [LANGUAGES[number] for number in generator.integers(3, size=len(ids))],
            "width": pa.array(generator.integers(1, 1000, size=len(ids)), pa.int32()),
            "ingested": [day + datetime.timedelta(days=int(number)) for number in generator.integers(9, size=len(ids))],
            "caption": [f"{name} of {seed}" for name in ids],
        }
    )


def queries(count: int, dimension: int = 8, seed: int = 1) -> np.ndarray:
    """Returns [count, dimension], of any length."""
    return np.random.default_rng(seed).normal(size=(count, dimension))
