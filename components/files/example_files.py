"""The files of an Examples artifact: gzipped TFRecords, read and written without TensorFlow.

One file is the unit of work and of retry.
"""

from __future__ import annotations

import contextlib
import gzip
import posixpath
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, cast

from components.artifact_files import split_folder
from components.beam import whole_files
from components.files.tfrecords import framing, read_records

_NUMBERED = re.compile(r"data_tfrecord-(?P<index>\d+)-of-(?P<count>\d+)\.gz$")
_GZIP = 16 + zlib.MAX_WBITS  # zlib's way to ask for gzip's framing


def file_name(index: int, count: int) -> str:
    """Returns the name that TFX gives to file `index` of `count`."""
    return f"data_tfrecord-{index:05d}-of-{count:05d}.gz"


def list_split(folder: str, split: str) -> list[str]:
    """Returns the record files of one split of an Examples artifact's folder, sorted by name.

    Raises:
      ValueError: where some of them are gone.
    """
    paths = whole_files.list_folder(posixpath.join(folder, split_folder(split)))
    refuse_gaps(paths)
    return paths


def refuse_gaps(paths: Sequence[str]) -> None:
    """Raise ValueError where some of the files that `file_name` names are gone, as when a scratch disk is purged.

    Args:
      paths: the files of one split.
    """
    found = [match for match in map(_NUMBERED.search, paths) if match]
    if not found:
        return
    count = int(found[0]["count"])
    lost = sorted(set(range(count)) - {int(match["index"]) for match in found})
    if lost:
        folder = posixpath.dirname(paths[0])
        raise ValueError(
            f"{folder} lacks {len(lost)} of its {count} files, the first of them {file_name(lost[0], count)}; delete "
            "its artifact's folder and run again"
        )


def read_payloads(path: str) -> Iterator[bytes]:
    """Yield the serialized Examples of a gzipped TFRecord file in order.

    Raises:
      ValueError: where the file is damaged, behind what stands before the damage.
    """
    records = 0
    with whole_files.open_file(path) as stored, gzip.GzipFile(fileobj=stored) as content:
        try:
            for payload in read_records(cast(BinaryIO, content)):
                if payload is None:
                    raise ValueError("the checksum of a record's content is wrong")
                yield payload
                records += 1
            if stored.tell() == 0:
                raise ValueError("it is empty, as an object is that stands for a folder, and no gzip file")
        except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(
                f"{path} is damaged behind {records} records ({error}); delete its artifact's folder and run again"
            ) from error


@contextlib.contextmanager
def writing(path: str, aside: str) -> Iterator[Callable[[bytes], None]]:
    """Open a gzipped TFRecord file that appears under `path` whole, when the block ends well, or not at all.

    Gzip, which TFX asks for, frames stored blocks: the images are compressed already, and deflating them again would
    take longer than all of the filter's other work for 3 % of the size.

    Args:
      path: where the finished file goes.
      aside: folder on the same file system for the unfinished one.

    Yields:
      The function that appends one serialized Example.
    """
    stored = zlib.compressobj(zlib.Z_NO_COMPRESSION, zlib.DEFLATED, _GZIP)
    with whole_files.created(path, aside) as file:

        def write(payload: bytes) -> None:
            before, behind = framing(payload)
            for part in (before, payload, behind):
                file.write(stored.compress(part))

        yield write
        file.write(stored.flush())
