"""Which parts of a split the metrics are told apart by, and how a number of a part is named.

    language=de/t2i_recall_at_1     of the captions in German, and of the images that have one
    source=example.org/i2t_...      of the images whose record came from there, and of their captions
    class=cat face/zero_shot_top_1  of the images of that class, and of their captions

The images and captions of a slice ask; what is searched stays whole, so that a small slice is no easier than a large
one. One thing is told apart: an image that asks by language searches the captions in that language alone, as Multi30k
and Crossmodal-3600 report languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

LANGUAGE, SOURCE, CLASS = "language", "source", "class"
MAX_SLICES = 20  # of one kind and split: the largest


class SliceKey(NamedTuple):
    """What a number is of: `language=de/t2i_recall_at_1` is of ("language", "de", "t2i_recall_at_1")."""

    kind: str
    value: str
    metric: str


def prefix_of(kind: str, value: str) -> str:
    """Returns what stands before the name of a slice's metric."""
    return f"{kind}={value}/"


def read_key(name: str) -> SliceKey | None:
    """Returns what a name tells, None for a metric of a whole split."""
    head, slash, metric = name.rpartition("/")
    kind, _, value = head.partition("=")
    return SliceKey(kind, value, metric) if slash else None


def source_of(record: str) -> str:
    """Returns where a record came from: the host of its url; without a url, the file that it stood in.

    Args:
      record: its name, a url or '<file>#<name in file>'.

    Examples:
      >>> source_of("https://Example.org/cats/1.jpg"), source_of("00003.tar#000030017")
      ('example.org', '00003.tar')
    """
    if "://" in record:
        try:
            return urlsplit(record).hostname or record.partition("://")[2].partition("/")[0]
        except ValueError:  # such as "http://[::1/"
            return record.partition("://")[2].partition("/")[0]
    return record.partition("#")[0]


def largest(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Returns the at most MAX_SLICES values that occur most, by name where they tie; "" is none."""
    found = sorted((value for value in counts if value), key=lambda value: (-counts[value], value))
    return tuple(sorted(found[:MAX_SLICES]))
