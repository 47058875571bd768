"""Where a data set's images lie, each read when it is asked for, and how a cache knows that one was replaced."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components.evaluator.datasets.kinds import DataSetError, Picture, PictureMissing

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

    def stamp(self) -> str:
        """Returns the file's name, its size and the time of its last change, and which part of it is the image."""
        try:
            found = self.path.stat()
        except OSError as error:
            return f"{self.path.name} {error.strerror}"
        return f"{self.path.name} {found.st_size} {found.st_mtime_ns} {self.offset} {self.size}"


@dataclass(frozen=True)
class HeldPicture:
    """An image that is held in memory, as small sets inside an archive are."""

    content: bytes = field(repr=False)

    def __call__(self) -> bytes:
        return self.content

    def stamp(self) -> str:
        """Returns the SHA-256 of the image."""
        return hashlib.sha256(self.content).hexdigest()


def images_fingerprint(images: Sequence[Picture]) -> str:
    """Returns a word that changes where an image is replaced, added, left out or moved to another place in the order.

    Files are known by name, size and time of change, so that a folder may be moved; what is held, or read by a function
    that has no `stamp`, by its bytes.
    """
    total = hashlib.sha256()
    for image in images:
        stamp = getattr(image, "stamp", None)
        total.update(os.fsencode(f"{stamp() if stamp else HeldPicture(image()).stamp()}\0"))
    return total.hexdigest()


def texts_fingerprint(texts: Sequence[str]) -> str:
    """Returns a word that changes where a text changes, or the order of the texts."""
    total = hashlib.sha256()
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        total.update(len(encoded).to_bytes(8, "little") + encoded)
    return total.hexdigest()


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
