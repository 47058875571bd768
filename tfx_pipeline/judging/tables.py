"""What of a data set is embedded: its tables of images and of texts, and a fingerprint of all that it asks."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from components.evaluator.datasets.kinds import ClassSet, DataSet, Picture, PositivesSet, RatedSet, TrainedSet
from components.evaluator.tasks.zero_shot import class_texts

_UNTOLD = {"images", "skipped"}  # fields that a fingerprint leaves out: pictures are told by their content


class ImageTable(NamedTuple):
    """Images by their names."""

    names: tuple[str, ...]
    pictures: tuple[Picture, ...]


def image_tables(dataset: DataSet) -> list[ImageTable]:
    """Returns the tables of images: one, or those of the training, test and validation part."""
    if isinstance(dataset, TrainedSet):
        parts = (dataset.train, dataset.test, dataset.validation)
        return [ImageTable(part.image_ids, part.images) for part in parts if part is not None]
    if isinstance(dataset, PositivesSet):
        dataset = dataset.pairs
    return [ImageTable(dataset.image_ids, dataset.images)]


def texts(dataset: DataSet) -> tuple[str, ...]:
    """Returns the texts: captions, words, or the names of classes in their templates."""
    if isinstance(dataset, ClassSet):
        return class_texts(dataset)[0]
    if isinstance(dataset, TrainedSet):
        return class_texts(dataset.test)[0]
    if isinstance(dataset, RatedSet):
        return dataset.texts
    if isinstance(dataset, PositivesSet):
        dataset = dataset.pairs
    return dataset.captions


def fingerprint(dataset: DataSet, contents: Iterable[str]) -> str:
    """Returns 32 hex digits that are others where anything that is asked, or an image's content, is another.

    Args:
      dataset: the set.
      contents: digests of its images.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in (*contents, *_told(dataset)):
        content = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(content)}:".encode() + content)
    return digest.hexdigest()


def _told(value: Any) -> Iterator[str | bytes]:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            if field.name not in _UNTOLD:
                yield field.name
                yield from _told(getattr(value, field.name))
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype.str}{value.shape}"
        yield np.ascontiguousarray(value).tobytes()
    else:
        yield repr(value)
