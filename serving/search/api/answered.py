"""What a search is answered with: JSON for a page, Parquet for a table."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from serving.search.questions import Answer, Hit
from serving.search.shards.schema import METADATA

SHOWN = (  # of the metadata
    *("caption", "language", "label", "split", "source", "row", "url", "width", "height", "ingested", "unsafe"),
)
TABLE = pa.schema(
    [
        pa.field("rank", pa.int64(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
        *METADATA,
        pa.field("shares", pa.list_(pa.float64()), nullable=False),  # of the score, one a term
        pa.field("duplicates", pa.list_(pa.string()), nullable=False),
    ]
)


def answer_json(answer: Answer, milliseconds: float) -> bytes:
    """Returns a page of hits as JSON."""
    return orjson.dumps(
        {
            "hits": [_hit(hit) for hit in answer.hits],
            "count": answer.count,
            "milliseconds": round(milliseconds, 3),
            "next": answer.next,
            "snapshot": answer.snapshot,
        }
    )


def answer_parquet(answer: Answer) -> bytes:
    """Returns a page of hits as a Parquet file with the columns of TABLE."""
    rows: list[Mapping[str, Any]] = [
        {**hit.metadata, "rank": rank, "score": hit.score, "shares": hit.shares, "duplicates": hit.duplicates}
        for rank, hit in enumerate(answer.hits, start=1)
    ]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, TABLE), file, compression="zstd")
    return file.getvalue()


def _hit(hit: Hit) -> dict[str, Any]:
    return {
        "id": hit.id,
        "score": hit.score,
        **{name: hit.metadata[name] for name in SHOWN},
        "image": f"/api/images/{quote(hit.id, safe='')}",
        "why": [{"term": number, "share": share} for number, share in enumerate(hit.shares)],
        "duplicates": hit.duplicates,
    }
