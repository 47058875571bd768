"""Where a data set's images lie, each read when it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from components.evaluator.datasets.kinds import DataSetError, PictureMissing

_IMAGES = frozenset((".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".avif"))


@dataclass(frozen=True)
class FilePicture:
    """An image that is a file, or a part of one.

    Attributes:
      path: of the file.
      offset: of the image in it, in bytes.
      size: of the image, in bytes; None for all that follows.
    """

    path: Path
    offset: int = 0
    size: int | None = None

    def __call__(self) -> bytes:
        """Returns the encoded image; raises PictureMissing where the file cannot be read."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                return file.read(-1 if self.size is None else self.size)
        except OSError as error:
            raise PictureMissing(f"{self.path} cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True)
class HeldPicture:
    """An image that is held in memory, as small sets inside an archive are."""

    content: bytes = field(repr=False)

    def __call__(self) -> bytes:
        return self.content


def is_image(name: str) -> bool:
    """Says whether a file's name ends as an image's does."""
    return os.path.splitext(name)[1].lower() in _IMAGES


def refuse_missing(paths: Iterable[Path], named_by: Path, remedy: str) -> None:
    """Refuse a set of which an image is not there: figures over the rest would compare with nobody's.

    Args:
      paths: of the images.
      named_by: the file that names them.
      remedy: what to do, as the end of a sentence.

    Raises:
      DataSetError: names how many are missing, and the first.
    """
    wanted = list(paths)
    missing = [path for path in wanted if not path.exists()]
    if missing:
        raise DataSetError(
            f"{len(missing)} of the {len(wanted)} images that {named_by} names are missing, the first {missing[0]}; "
            f"{remedy}"
        )
