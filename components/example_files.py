"""The files of an Examples artifact: listing, reading, and writing aside before renaming.

One file is the unit of work and of retry: a worker that dies half-way leaves nothing where a reader looks, and a second
attempt writes the same file again.
"""

from __future__ import annotations

import contextlib
import json
import posixpath
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.types import artifact, artifact_utils

from components.counts import Counts

ASIDE = ".aside"  # folder beside the splits that holds what is being written
_COUNTS_FILE = "counts.json"
_EVALUATION_SET = "evaluation_set"
# As tfx.components.util.examples_utils has it, whose import takes four seconds of all that TFX brings along.
_ENCODING = {"payload_format": "FORMAT_TF_EXAMPLE", "file_format": "tfrecords_gzip"}
_READ_AT_ONCE = 16  # records: each step of the iterator costs as much as copying an image
# Gzip's framing, which TFX asks for, around stored blocks: the images are compressed already, and deflating them again
# would take longer than all of the filter's other work for 3 % of the size.
_STORED = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=0)


def split_names(examples: artifact.Artifact) -> list[str]:
    """Returns the names of the artifact's splits."""
    return artifact_utils.decode_split_names(examples.split_names)


def list_files(examples: artifact.Artifact, split: str) -> list[str]:
    """Returns the record files of one split, sorted by name."""
    return list_folder(artifact_utils.get_split_uri([examples], split))


def list_folder(folder: str) -> list[str]:
    """Returns the files of a folder, sorted by name; none where it does not exist."""
    if not tf.io.gfile.isdir(folder):  # a bucket has no folder where it has no file
        return []
    return sorted(posixpath.join(folder, name) for name in tf.io.gfile.listdir(folder) if not name.startswith("."))


def file_name(index: int, count: int) -> str:
    """Returns the name that TFX gives to file `index` of `count`."""
    return f"data_tfrecord-{index:05d}-of-{count:05d}.gz"


def read_payloads(path: str) -> Iterator[bytes]:
    """Yield the serialized Examples of a gzipped TFRecord file in order."""
    records = tf.data.TFRecordDataset(path, compression_type="GZIP").batch(_READ_AT_ONCE)
    for batch in records.as_numpy_iterator():
        yield from batch


@contextlib.contextmanager
def writing(path: str, aside: str) -> Iterator[Callable[[bytes], None]]:
    """Open a gzipped TFRecord file that appears under `path` whole, when the block ends well, or not at all.

    Args:
      path: where the finished file goes.
      aside: folder on the same file system for the unfinished one.

    Yields:
      The function that appends one serialized Example.
    """
    tf.io.gfile.makedirs(aside)
    unfinished = posixpath.join(aside, uuid.uuid4().hex)
    with tf.io.TFRecordWriter(unfinished, options=_STORED) as writer:
        yield writer.write
    tf.io.gfile.makedirs(posixpath.dirname(path))
    tf.io.gfile.rename(unfinished, path, overwrite=True)


def copy(source: str, target: str, aside: str) -> None:
    """Copy a file to `aside`, a folder on the same file system, then rename it."""
    tf.io.gfile.makedirs(aside)
    unfinished = posixpath.join(aside, uuid.uuid4().hex)
    tf.io.gfile.copy(source, unfinished)
    tf.io.gfile.makedirs(posixpath.dirname(target))
    tf.io.gfile.rename(unfinished, target, overwrite=True)


def read_bytes(path: str) -> bytes:
    """Returns the content of a file on any file system that TensorFlow reads."""
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()


def write_bytes(path: str, content: bytes) -> None:
    """Write a file aside, then rename it."""
    unfinished = f"{path}.{uuid.uuid4().hex}"
    tf.io.gfile.makedirs(posixpath.dirname(path))
    with tf.io.gfile.GFile(unfinished, "wb") as file:
        file.write(content)
    tf.io.gfile.rename(unfinished, path, overwrite=True)


def write_text(path: str, text: str) -> None:
    """Write a UTF-8 text file aside, then rename it."""
    write_bytes(path, text.encode())


def write_json(path: str, content: Any) -> None:
    """Write a JSON file aside, then rename it."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def aside_folder(of: artifact.Artifact) -> str:
    """Returns the folder for what is unfinished in an artifact."""
    return posixpath.join(of.uri, ASIDE)


def clear_aside(*artifacts: artifact.Artifact) -> None:
    """Delete what failed attempts left behind."""
    for of in artifacts:
        if tf.io.gfile.exists(aside_folder(of)):
            tf.io.gfile.rmtree(aside_folder(of))


def describe(examples: artifact.Artifact, splits: Sequence[str]) -> None:
    """Say in an output artifact's properties which splits it holds and how they are encoded."""
    examples.split_names = artifact_utils.encode_split_names(list(splits))
    for name, value in _ENCODING.items():
        examples.set_string_custom_property(name, value)


def name_evaluation_set(examples: artifact.Artifact, name: str) -> None:
    """Say in an output artifact's properties of which evaluation set it holds the images."""
    examples.set_string_custom_property(_EVALUATION_SET, name)


def evaluation_set(examples: artifact.Artifact) -> str:
    """Returns the name of the evaluation set whose images the artifact holds; its address where it has no name."""
    return examples.get_string_custom_property(_EVALUATION_SET) or examples.uri


class HandOverCounts(beam.DoFn):
    """Leave the counts of a Beam job where the process that launched it reads them with `collect_counts`."""

    def __init__(self, report: artifact.Artifact) -> None:
        self._path = posixpath.join(aside_folder(report), _COUNTS_FILE)

    def process(self, counts: Counts) -> None:
        write_json(self._path, counts.to_json())


def collect_counts(report: artifact.Artifact) -> Counts:
    """Returns the counts that the finished Beam job handed over."""
    with tf.io.gfile.GFile(posixpath.join(aside_folder(report), _COUNTS_FILE)) as file:
        return Counts.from_json(json.loads(file.read()))
