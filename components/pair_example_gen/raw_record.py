"""What every format's reader yields: one image with its fields, as they were found and before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_IMAGE_BYTES = 256 * 1024 * 1024  # of one encoded image held in memory


@dataclass(frozen=True)
class Part:
    """One of `count` equal parts of a file, counted from 0; the whole file is Part(0, 1)."""

    index: int = 0
    count: int = 1

    def range(self, size: int) -> tuple[int, int]:
        """Returns [start, stop) of this part in a file of `size` units; the parts' ranges cover it without overlap."""
        return size * self.index // self.count, size * (self.index + 1) // self.count


@dataclass
class RawRecord:
    """An image and its fields.

    Attributes:
      name: how messages name the record within its file.
      image: the encoded image, or None where the record has none or `path` names it.
      extension: of the image's file, in lower case; "" where it is not known.
      path: of the image's file below the image folder; "" for none.
      fields: field name -> value: text, bytes, a list of these, a number or None.
      split: the split that the record names; "" where a hash chooses.
      flaw: reason for which the record cannot be used, or "".
      detail: what is known of the flaw, or which fields a record without an image has.
      start: the byte of a tar from which its reader gives it and those beside it again; 0 of other files.
    """

    name: str
    image: bytes | None = None
    extension: str = ""
    path: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)
    split: str = ""
    flaw: str = ""
    detail: str = ""
    start: int = field(default=0, compare=False)


def extension_of(path: str) -> str:
    """Returns a path's extension in lower case without the dot, or ""."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""
