"""The pictures of a results folder: small copies of the images of failures, one file for each look."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path

from components.evaluator.datasets.kinds import PictureMissing
from serving.pictures import PictureError, View
from tfx_pipeline.files import write_file
from tfx_pipeline.judging.tables import ImageTable

SIDE_PX = 192


def write_pictures(out: Path, folder: str, wanted: Iterable[str], tables: Iterable[ImageTable]) -> dict[str, str]:
    """Write a small copy of each image.

    Args:
      out: the results folder.
      folder: below it.
      wanted: names of images; one that no table has, or that cannot be shown, is left out.
      tables: where the images are.

    Returns:
      Name -> file, from `out` on.
    """
    names = set(wanted)
    written = {}
    for table in tables:
        for name, picture in zip(table.names, table.pictures, strict=True):
            if name not in names or name in written:
                continue
            try:
                small = small_picture(picture())
            except (PictureMissing, PictureError):
                continue
            file = f"{folder}/{hashlib.blake2b(small, digest_size=8).hexdigest()}.jpg"
            if not (out / file).is_file():
                write_file(out / file, small, str(out / file))
            written[name] = file
    return written


def small_picture(encoded: bytes) -> bytes:
    """Returns a JPEG that fits SIDE_PX; raises PictureError where the image cannot be shown."""
    shown = View(encoded).pixels(at_least_px=SIDE_PX)
    shown.thumbnail((SIDE_PX, SIDE_PX))
    buffer = io.BytesIO()
    shown.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
