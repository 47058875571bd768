"""Pictures of an index: small enough, of the right kind, and never another one than the index was made of."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from serving.pictures import View
from serving.search.pictures import PictureGone, Pictures, small
from serving.search.questions import UnknownImage
from serving.search.shards.schema import vector_column
from serving.search.stores.exact import ExactStore


def encoded(kind: str, size: tuple[int, int], seed: int = 0) -> bytes:
    """Returns a file of smooth noise."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "size", "side", "shown", "media_type"),
    [
        ("JPEG", (1600, 800), 400, (400, 200), "image/jpeg"),
        ("PNG", (64, 48), 256, (64, 48), "image/png"),  # never blown up
        ("WEBP", (300, 300), 100, (100, 100), "image/png"),
        ("GIF", (30, 900), 300, (10, 300), "image/png"),
    ],
)
def test_a_picture_is_made_small(kind, size, side, shown, media_type):
    made = small(encoded(kind, size), side)
    opened = Image.open(io.BytesIO(made.encoded))
    assert (opened.size, made.media_type, opened.format) == (shown, media_type, media_type[6:].upper())


def store_of(tmp_path, digests):
    store = ExactStore(tmp_path / "exact.parquet", fingerprint="x", dimension=2)
    ids = [str(number) for number in range(len(digests))]
    vectors = vector_column(np.tile([[1.0, 0.0]], (len(digests), 1)))
    store.add(pa.table({"id": ids, "vector": vectors, "source": ["a.tar"] * len(ids), "sha256": digests}))
    return store


def test_another_picture_in_the_place_of_the_one_that_was_indexed_is_not_shown(tmp_path):
    """As the bytes stood in the file, or as a run and an index keep them; where nothing is known, what is there."""
    file, other = encoded("WEBP", (40, 40)), encoded("WEBP", (40, 40), seed=1)
    settled = View(file).settled().encoded
    digests = [hashlib.sha256(each).hexdigest() for each in (file, settled, other)] + [None]
    pictures = Pictures(store_of(tmp_path, digests), lambda source, row: file)
    assert [pictures.encoded(name) for name in "013"] == [file] * 3
    with pytest.raises(PictureGone, match=r"a\.tar has another picture where that of '2' was"):
        pictures.shown("2", 64)
    with pytest.raises(UnknownImage, match="no image '9'"):
        pictures.encoded("9")


def test_what_no_browser_shows_is_said(tmp_path):
    pictures = Pictures(store_of(tmp_path, [None]), lambda source, row: b"<svg/>")
    with pytest.raises(PictureGone, match="the picture of '0' cannot be shown: 6 bytes with an unknown header"):
        pictures.shown("0", 64)
