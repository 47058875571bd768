"""Reads what TensorFlow Datasets prepared, from its files alone: TFRecords of Examples beside dataset_info.json.

Reference: https://www.tensorflow.org/datasets/external_tfrecord
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from components.evaluator.datasets.kinds import DataSetError, PictureMissing
from components.evaluator.datasets.pictures import FilePicture
from components.files.tf_example import Example
from components.files.tfrecords import read_records

_HEADER_BYTES, _FOOTER_BYTES = 12, 4  # of a TFRecord, around its content
_TEMPLATE = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"


class Features:
    """The values of one Example, by the names that TFDS gives them; lists of structures are "objects/location"."""

    def __init__(self, content: bytes) -> None:
        self._features = Example.FromString(content).features.feature

    def integers(self, name: str) -> list[int]:
        """Returns the values of an integer feature."""
        return list(self._features[name].int64_list.value)

    def floats(self, name: str) -> np.ndarray:
        """Returns the values of a feature of floats, flat."""
        return np.array(self._features[name].float_list.value, np.float32)

    def encoded(self, name: str = "image") -> bytes:
        """Returns the bytes of an encoded image; empty where there is none."""
        return next(iter(self._features[name].bytes_list.value), b"")


@dataclass(frozen=True)
class RecordPicture:
    """The image of one Example.

    Attributes:
      record: where its content lies.
      seen: encoded image -> what the model sees.
    """

    record: FilePicture
    seen: Callable[[bytes], bytes]

    def __call__(self) -> bytes:
        image = Features(self.record()).encoded()
        if not image:
            raise PictureMissing(f"the record at byte {self.record.offset} of {self.record.path} has no image")
        return self.seen(image)


class TfdsFolder:
    """A data set in the folder of its version, such as vtab/caltech101/3.0.1."""

    def __init__(self, folder: Path) -> None:
        """Read dataset_info.json; raises DataSetError where it is damaged or the records are of another format."""
        self._folder = folder
        path = folder / "dataset_info.json"
        try:
            info: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            kind = info.get("fileFormat") or "tfrecord"
            self._files: dict[str, list[tuple[Path, int]]] = {}
            for split in info["splits"]:
                lengths = [int(length) for length in split["shardLengths"]]
                template = split.get("filepathTemplate") or _TEMPLATE
                self._files[split["name"]] = [
                    (folder / _file_name(template, info["name"], split["name"], kind, index, len(lengths)), length)
                    for index, length in enumerate(lengths)
                ]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            said = f"{type(error).__name__}: {error}"
            raise DataSetError(f"{path} is not what TFDS writes ({said}); prepare the set again") from error
        if kind != "tfrecord":
            raise DataSetError(f"{folder} holds {kind} files; prepare the set with tfds build --file_format=tfrecord")

    def count(self, split: str) -> int:
        """Returns how many Examples a split has; raises DataSetError where there is no such split."""
        return sum(length for _, length in self._shards(split))

    def read(self, split: str, start: int, stop: int) -> Iterator[tuple[FilePicture, Features]]:
        """Yield where each Example lies, and its values, for TFDS's `split[start:stop]`.

        Raises:
          DataSetError: a shard is missing or damaged, or has another number of records than it should.
        """
        first = 0
        for path, length in self._shards(split):
            if first < stop and start < first + length:
                yield from self._read_shard(path, length, max(start - first, 0), min(stop - first, length))
            first += length

    def label_names(self, feature: str, classes: int) -> tuple[tuple[str, ...], ...]:
        """Returns the names that TFDS has for the values of a feature, their numbers where it has none."""
        path = self._folder / f"{feature}.labels.txt"
        names = path.read_text(encoding="utf-8").split("\n")[:classes] if path.is_file() else []
        if len(names) < classes or not all(name.strip() for name in names):
            names = [str(number) for number in range(classes)]
        return tuple((name.replace("_", " "),) for name in names)

    def _shards(self, split: str) -> list[tuple[Path, int]]:
        if split not in self._files:
            raise DataSetError(f"{self._folder} has no split {split!r}; it has {', '.join(self._files)}")
        return self._files[split]

    @staticmethod
    def _read_shard(path: Path, length: int, start: int, stop: int) -> Iterator[tuple[FilePicture, Features]]:
        place = found = 0
        try:
            with path.open("rb") as file:
                for number, content in enumerate(read_records(file)):
                    if content is None:
                        raise DataSetError(f"{path} has a wrong checksum in record {number}; prepare the set again")
                    if start <= number < stop:
                        yield FilePicture(path, place + _HEADER_BYTES, len(content)), Features(content)
                        found += 1
                    place += _HEADER_BYTES + len(content) + _FOOTER_BYTES
                    if number + 1 >= stop:
                        break
        except FileNotFoundError as error:
            raise DataSetError(f"{path} is missing; prepare the set again") from error
        except ValueError as error:
            raise error if isinstance(error, DataSetError) else DataSetError(f"{path} is damaged: {error}") from error
        if found < stop - start:
            raise DataSetError(f"{path} ends before record {stop} of {length}; prepare the set again")


def newest_version(folder: Path) -> Path:
    """Returns the folder of the newest version that is prepared; raises DataSetError where there is none."""
    prepared = (path.parent for path in folder.glob("*/dataset_info.json"))
    found = [path for path in prepared if re.fullmatch(r"\d+\.\d+\.\d+", path.name)]  # none that is being written
    if not found:
        raise DataSetError(f"{folder} has no prepared version")
    return max(found, key=lambda path: [int(part) for part in path.name.split(".")])


def _file_name(template: str, name: str, split: str, kind: str, index: int, count: int) -> str:
    values = {
        "DATASET": name,
        "SPLIT": split,
        "FILEFORMAT": kind,
        "SHARD_X_OF_Y": f"{index:05d}-of-{count:05d}",
        "SHARD_INDEX": f"{index:05d}",
        "NUM_SHARDS": f"{count:05d}",
    }
    return template.format(**values)
