"""A picture of an index is shown only where it is the one that was indexed."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pyarrow as pa
import pytest
from colour_encoder import picture
from PIL import Image

from serving.pictures import View
from serving.search.pictures import PictureGone, Pictures
from serving.search.shards.schema import vector_column
from serving.search.stores.exact import ExactStore


def pictures_of(tmp_path, sha256: str | None, encoded: bytes) -> Pictures:
    store = ExactStore(tmp_path / "exact.parquet", fingerprint="made", dimension=2)
    rows = {"id": ["a"], "vector": vector_column(np.eye(1, 2)), "source": ["there"], "row": [0]}
    store.add(pa.table({**rows, "sha256": pa.array([sha256], pa.string())}))
    return Pictures(store, lambda source, row: encoded)


def webp() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (3, 2), (200, 0, 0)).save(file, "WEBP", lossless=True)
    return file.getvalue()


def test_the_picture_that_was_indexed_is_shown_also_from_its_raw_file(tmp_path):
    red = picture(255, 0, 0)
    assert pictures_of(tmp_path, hashlib.sha256(red).hexdigest(), red).encoded("a") == red
    stored = View(webp()).settled().encoded  # a PNG, as ingest stores it
    assert pictures_of(tmp_path, hashlib.sha256(stored).hexdigest(), webp()).encoded("a") == webp()
    assert pictures_of(tmp_path, None, red).encoded("a") == red


@pytest.mark.parametrize("now", [picture(0, 0, 255), b"no picture", webp()])
def test_another_picture_in_its_place_is_one_sentence(tmp_path, now):
    before = hashlib.sha256(picture(255, 0, 0)).hexdigest()
    with pytest.raises(PictureGone, match=r"there has another picture where that of 'a' was .*; put the file back"):
        pictures_of(tmp_path, before, now).encoded("a")
