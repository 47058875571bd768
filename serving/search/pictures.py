"""Reads one picture of an index from where its row says that it lies, and makes it small for a page."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import NamedTuple

from PIL import Image

from serving.pictures import PictureError, View, to_png
from serving.search.questions import Unavailable, UnknownImage
from serving.search.stores.store import Snapshot

Read = Callable[[str, int | None], bytes]  # (source, row; None where the source is the picture) -> encoded;
# raises OSError or ValueError
LARGEST_PX = 256_000_000  # of a picture of the index, by its header
LEAST_SIDE, MOST_SIDE = 16, 2048
_DRAWING_PX = 160 * 160  # up to here a PNG, which has no blocks, is small enough
_QUALITY = 88


class PictureGone(ValueError):
    """A picture of the index that cannot be read; the message says where it should lie."""


class Shown(NamedTuple):
    """A picture as a browser takes it."""

    encoded: bytes
    media_type: str


class Pictures:
    """The pictures of one index; threads may share it.

    Examples:
      >>> pictures = Pictures(store, read)  # doctest: +SKIP
      >>> pictures.shown("5a0c...", 256).media_type  # doctest: +SKIP
      'image/jpeg'
    """

    def __init__(self, store: Snapshot, read: Read) -> None:
        """Read the pictures of a store by `read`."""
        self._store, self._read = store, read

    def encoded(self, name: str) -> bytes:
        """Returns the picture of an id as it is encoded in its source.

        Raises:
          UnknownImage: when the index has none.
          PictureGone: when its source does not give it.
          Unavailable: when the index cannot be read.
        """
        try:
            row = self._store.rows([name]).to_pylist()[0]
        except KeyError as error:
            raise UnknownImage(f"the index has no image {name!r}; it may have been deleted since") from error
        except (OSError, ValueError) as error:
            raise Unavailable(f"the index cannot be read: {error}") from error
        if row["source"] is None:
            raise PictureGone(f"the index does not say where the picture of {name!r} lies")
        try:
            encoded = self._read(row["source"], row["row"])
        except (OSError, ValueError) as error:
            raise PictureGone(
                f"the picture of {name!r} cannot be read from {row['source']} ({error}); put the file back, or build "
                "the index anew"
            ) from error
        if row["sha256"] is not None and not _is(encoded, row["sha256"]):
            raise PictureGone(
                f"{row['source']} has another picture where that of {name!r} was when it was indexed; put the file "
                "back, or build the index anew"
            )
        return encoded

    def shown(self, name: str, side: int) -> Shown:
        """Returns the picture of an id with no side longer than `side` pixels; raises as `encoded` does."""
        try:
            return small(self.encoded(name), side)
        except PictureError as error:
            raise PictureGone(f"the picture of {name!r} cannot be shown: {error}") from error


def _is(encoded: bytes, sha256: str) -> bool:
    """Says whether a picture has a SHA-256, as it is encoded or in the normal form that ingest stores."""
    if hashlib.sha256(encoded).hexdigest() == sha256:
        return True
    try:
        return hashlib.sha256(View(encoded, LARGEST_PX).settled().encoded).hexdigest() == sha256
    except PictureError:
        return False


def small(encoded: bytes, side: int) -> Shown:
    """Returns a picture with no side longer than `side` pixels; raises PictureError where it cannot be shown."""
    picture = View(encoded, LARGEST_PX).pixels(at_least_px=side)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    if picture.width * picture.height <= _DRAWING_PX:
        return Shown(to_png(picture), "image/png")
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_QUALITY)
    return Shown(file.getvalue(), "image/jpeg")
