"""The files of training Examples: finding them, reading the share that is used, counting, and naming what is broken.

Files are gzip-compressed TFRecords of Examples as in components/schema.py.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import tensorflow as tf
from absl import logging

from components import schema
from models.saving.whole import write_whole

FEATURES = {  # that training reads
    schema.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string),
    schema.CAPTION_TEXT: tf.io.RaggedFeature(tf.string),
}
_READ_AT_ONCE = 2 << 20  # bytes: a step of reading a file on a network costs far more than its bytes
_BUCKETS = 1 << 32
_KEY = (0x616C69676E, 0x746678)  # of a hash of its own, so that the share is independent of how splits were made
_NODES = re.compile(r"\{\{.*?\}\}|\[\[.*?\]\]|\[Op:\w+\]( name: \S*)?", re.DOTALL)


def find_files(patterns: Sequence[str]) -> list[str]:
    """Returns the files that match, sorted.

    Raises:
      ValueError: where there is none.
    """
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    if not files:
        raise ValueError(f"no training files match {list(patterns)}; point at the Examples of the train split")
    return files


def read_file(path: tf.Tensor, fraction: float) -> tf.data.Dataset:
    """Read the serialized Examples of a file in order, those that belong to the fraction.

    Args:
      path: scalar string.
      fraction: share of the images that is used, in (0, 1]; an image is in it or not by its encoded bytes alone, and
        what is in one fraction is in every greater one.
    """
    records = tf.data.TFRecordDataset(path, "GZIP", buffer_size=_READ_AT_ONCE)
    if fraction == 1:
        return records
    limit = round(fraction * _BUCKETS)

    def is_in(record: tf.Tensor) -> tf.Tensor:
        image = tf.io.parse_single_example(record, {schema.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string)})
        return tf.strings.to_hash_bucket_strong(image[schema.IMAGE_ENCODED], _BUCKETS, _KEY) < limit

    return records.filter(is_in)


def count_records(files: Sequence[str], fraction: float) -> tuple[int, ...]:
    """Count the records of each file that belong to the fraction, reading every file to its end.

    Raises:
      ValueError: where a file cannot be read to its end; the message names it.
    """

    def count(path: tf.Tensor) -> tf.Tensor:
        return read_file(path, fraction).reduce(tf.constant(0, tf.int64), lambda number, _: number + 1)

    paths = tf.data.Dataset.from_tensor_slices(list(files))
    try:
        return tuple(map(int, paths.map(count, tf.data.AUTOTUNE, deterministic=True).as_numpy_iterator()))
    except tf.errors.OpError as error:
        raise ValueError(_name_broken_file(files, fraction, error)) from error


def read_counts(path: str, files: Sequence[str]) -> tuple[int, ...]:
    """Read the number of records of each file from the table that PairFilter wrote beside them; opens no file.

    Args:
      path: of the table, `components.artifacts.RecordCounts` of one split.
      files: of that split.

    Raises:
      ValueError: where the table does not exist, is damaged, or is one of other files.
    """
    try:
        with tf.io.gfile.GFile(path) as file:
            held = {name: int(counts["records"]) for name, counts in json.loads(file.read()).items()}
    except (tf.errors.OpError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"the counts of the training files cannot be read from {path} ({' '.join(str(error).split())}); run "
            "`align run` again, whose PairFilter writes them"
        ) from error
    names = [posixpath.basename(file) for file in files]
    if sorted(names) != sorted(held):
        other = min((Counter(names) - Counter(held)) + (Counter(held) - Counter(names)))
        raise ValueError(
            f"{path} counts {len(held)} training files, but {len(files)} are there, and {other} is not once in both; "
            "train on all files that PairFilter wrote and on no others"
        )
    return tuple(held[name] for name in names)


def read_kept_counts(path: str) -> tuple[int, ...] | None:
    """Returns what `keep_counts` wrote to a path, or null where there is nothing that can be read."""
    try:
        with tf.io.gfile.GFile(path) as file:
            return tuple(json.loads(file.read()))
    except (tf.errors.OpError, ValueError, TypeError):
        return None


def keep_counts(path: str, counts: Sequence[int]) -> None:
    """Write the counts of a training's files, aside first; where that cannot be done, the next start counts again."""
    try:
        tf.io.gfile.makedirs(posixpath.dirname(path))
        write_whole(path, json.dumps(list(counts)))
    except tf.errors.OpError as error:
        logging.warning("%s could not be written: %s", path, first_line(error))


def name_miscounted_file(files: Sequence[str], fraction: float, counts: Sequence[int]) -> str | None:
    """Returns a sentence about the first file that holds another number of records than was counted, or null.

    Args:
      files: read again, to their ends.
      fraction: as read_file has it.
      counts: of the records of each file that belong to the fraction.

    Raises:
      ValueError: where a file cannot be read to its end; the message names it.
    """
    for path, found, counted in zip(files, count_records(files, fraction), counts, strict=True):
        if found != counted:
            return (
                f"training file {path} holds {found} records where {counted} were counted: it was changed since; run "
                "`align run` again, or begin a new run of training"
            )
    return None


def name_broken_record(files: Sequence[str], records: Iterable[bytes]) -> str | None:
    """Returns a sentence about the first of `records` that does not train, or null where all do; for messages only.

    Args:
      files: that the records come from; they are read again to say where it stands.
      records: serialized Examples.
    """
    for record in records:
        reason = _reason_against(record)
        if reason is not None:
            path, number = next(
                ((path, number) for path in files for number, other in _numbered(path) if other == record),
                ("the training files", 0),
            )
            name = b"".join(
                tf.train.Example.FromString(record).features.feature[schema.RECORD_NAME].bytes_list.value
            ).decode(errors="replace")
            return (
                f"record {number} of {path} ({name or 'without a name'}) does not train: {reason}; read the data with "
                "`align run` again, which leaves such records out, or remove it"
            )
    return None


def _numbered(path: str) -> Iterable[tuple[int, bytes]]:
    return enumerate(tf.data.TFRecordDataset(path, "GZIP").as_numpy_iterator())


def _reason_against(record: bytes) -> str | None:
    try:
        example = tf.io.parse_single_example(record, FEATURES)
        tf.io.decode_image(example[schema.IMAGE_ENCODED], channels=3, expand_animations=False)
    except tf.errors.OpError as error:
        return first_line(error)
    if not len(example[schema.CAPTION_TEXT]):
        return f"its {schema.CAPTION_TEXT} is empty"
    return None


def _name_broken_file(files: Sequence[str], fraction: float, error: tf.errors.OpError) -> str:
    for path in files:
        read = 0
        try:
            for _ in read_file(tf.constant(path), fraction):
                read += 1
        except tf.errors.OpError as broken:
            return (
                f"training file {path} cannot be read after its record {read} ({first_line(broken)}); write it again, "
                "or copy it again from where it is whole"
            )
    return f"a training file could not be read, but can be now ({first_line(error)}); run again"


def first_line(error: tf.errors.OpError) -> str:
    """Returns what an error of TensorFlow says, without the nodes and operations that it came from."""
    return _NODES.sub("", str(error.message)).strip().partition("\n")[0].strip()
