"""VTAB-1k: 19 tasks of 800 images to learn from, 200 to choose settings by, and a test split, as TFDS prepares them.

References: arXiv:1910.04867; the splits and labels are those of https://github.com/google-research/task_adaptation
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import ClassSet, DataSetError, TrainedSet
from components.evaluator.datasets.published.tfds_folder import Features, RecordPicture, TfdsFolder, newest_version

TRAINING, VALIDATION = 800, 200
_FOLDER = "vtab"


class Range(NamedTuple):
    """TFDS's `split[start:stop]`."""

    split: str
    start: int
    stop: int


class Parts(NamedTuple):
    """What a task learns from, chooses its settings by, and is judged by."""

    train: Range
    validation: Range
    test: Range


def as_is(image: bytes) -> bytes:
    """Returns an image as TFDS stores it."""
    return image


def of_zeros_and_ones(image: bytes) -> bytes:
    """Returns an image of dSprites, whose pixels are 0 and 1, in black and white."""
    with Image.open(io.BytesIO(image)) as picture:
        seen = picture.convert("L").point(lambda value: 255 if value else 0)
    to = io.BytesIO()
    seen.save(to, "PNG")
    return to.getvalue()


def label_in(feature: str, of: float = 1.0) -> Callable[[Features], int]:
    """Returns what reads an integer feature, `of` values of which are one class."""
    return lambda features: int(np.float32(features.integers(feature)[0]) // np.float32(of))


published_label = label_in("label")


def counted_objects(features: Features) -> int:
    """Returns CLEVR's number of objects, which is 3 to 10, counted from 3."""
    return len(features.integers("objects/size")) - 3


def distance_of_objects(features: Features) -> int:
    """Returns in which of six ranges CLEVR's closest object is."""
    depths = features.floats("objects/pixel_coords").reshape(-1, 3)[:, 2]
    return _range(depths.min(), (0.0, 8.0, 8.5, 9.0, 9.5, 10.0, 100.0))


def distance_of_vehicles(features: Features) -> int:
    """Returns in which of three ranges KITTI's closest car, van or truck is, or 3 where there is none."""
    kinds = np.array(features.integers("objects/type"), np.int64)
    depths = features.floats("objects/location").reshape(-1, 3)[:, 2]
    return _range(np.append(depths[kinds < 3], 1000.0).min(), (-100.0, 8.0, 20.0, 999.0))


def _range(distance: float, starts: tuple[float, ...]) -> int:
    return int(np.flatnonzero(np.array(starts) < distance).max())


def own_validation(data: TfdsFolder) -> Parts:
    """Takes the first images of the published training and validation splits."""
    whole = Range("test", 0, data.count("test"))
    return Parts(Range("train", 0, TRAINING), Range("validation", 0, VALIDATION), whole)


def held_out(data: TfdsFolder, percent: int, test: str = "test") -> Parts:
    """Takes validation images behind the first `percent` of the training split."""
    start = percent * data.count("train") // 100
    return Parts(
        Range("train", 0, TRAINING), Range("train", start, start + VALIDATION), Range(test, 0, data.count(test))
    )


def divided(data: TfdsFolder, train_percent: int, validation_percent: int) -> Parts:
    """Takes all parts from the only split that is published."""
    total = data.count("train")
    start = total * train_percent // 100
    end = start + total * validation_percent // 100
    return Parts(Range("train", 0, TRAINING), Range("train", start, start + VALIDATION), Range("train", end, total))


def half_of_test(data: TfdsFolder) -> Parts:
    """Takes validation images from the first half of the test split and is judged on the second (smallNORB)."""
    total = data.count("test")
    return Parts(Range("train", 0, TRAINING), Range("test", 0, VALIDATION), Range("test", round(total / 2), total))


@dataclass(frozen=True)
class Task:
    """A task of VTAB.

    Attributes:
      name: as in "vtab/<name>".
      builder: TFDS's name, with its configuration.
      group: "natural", "specialized" or "structured"; VTAB's score is the mean over all tasks.
      classes: how many.
      parts: which Examples it takes.
      label: an Example's values -> its class.
      names: the feature whose names TFDS knows; "" for none.
      seen: encoded image -> what the model sees.
    """

    name: str
    builder: str
    group: str
    classes: int
    parts: Callable[[TfdsFolder], Parts]
    label: Callable[[Features], int] = published_label
    names: str = "label"
    seen: Callable[[bytes], bytes] = as_is


_90 = functools.partial(held_out, percent=90)
_60_20 = functools.partial(divided, train_percent=60, validation_percent=20)
_DSPRITES = functools.partial(divided, train_percent=80, validation_percent=10)
TASKS = (
    Task("caltech101", "caltech101", "natural", 102, _90),
    Task("cifar100", "cifar100", "natural", 100, _90),
    Task("dtd", "dtd", "natural", 47, own_validation),
    Task("flowers102", "oxford_flowers102", "natural", 102, own_validation),
    Task("pets", "oxford_iiit_pet", "natural", 37, functools.partial(held_out, percent=80)),
    Task("sun397", "sun397/tfds", "natural", 397, own_validation),
    Task("svhn", "svhn_cropped", "natural", 10, _90),
    Task("eurosat", "eurosat/rgb", "specialized", 10, _60_20),
    Task("patch-camelyon", "patch_camelyon", "specialized", 2, own_validation),
    Task("resisc45", "resisc45", "specialized", 45, _60_20),
    Task("retinopathy", "diabetic_retinopathy_detection/btgraham-300", "specialized", 5, own_validation),
    Task(
        "clevr-count",
        "clevr",
        "structured",
        8,
        functools.partial(held_out, percent=90, test="validation"),
        counted_objects,
        names="",
    ),
    Task(
        "clevr-distance",
        "clevr",
        "structured",
        6,
        functools.partial(held_out, percent=90, test="validation"),
        distance_of_objects,
        names="",
    ),
    Task("dmlab", "dmlab", "structured", 6, own_validation),
    Task(
        "dsprites-location",
        "dsprites",
        "structured",
        16,
        _DSPRITES,
        label_in("label_x_position", of=32 / 16),
        names="",
        seen=of_zeros_and_ones,
    ),
    Task(
        "dsprites-orientation",
        "dsprites",
        "structured",
        16,
        _DSPRITES,
        label_in("label_orientation", of=40 / 16),
        names="",
        seen=of_zeros_and_ones,
    ),
    Task("kitti-distance", "kitti", "structured", 4, own_validation, distance_of_vehicles, names=""),
    Task("smallnorb-azimuth", "smallnorb", "structured", 18, half_of_test, label_in("label_azimuth"), names=""),
    Task("smallnorb-elevation", "smallnorb", "structured", 9, half_of_test, label_in("label_elevation"), names=""),
)


def read_task(root: Path, task: Task) -> TrainedSet:
    """Read a task beneath the data root.

    Raises:
      DataSetError: the data set is not prepared, damaged, or smaller than VTAB-1k needs.
    """
    folder = newest_version(root / _FOLDER / task.builder)
    data = TfdsFolder(folder)
    train, validation, test = (_read_part(data, part, task, folder) for part in task.parts(data))
    return TrainedSet(train, test, validation)


def _read_part(data: TfdsFolder, part: Range, task: Task, folder: Path) -> ClassSet:
    if part.stop > data.count(part.split):
        raise DataSetError(
            f"{folder} has {data.count(part.split)} images in the split {part.split}, and VTAB-1k takes those up to "
            f"{part.stop}; prepare the whole set"
        )
    records, labels = [], []
    for record, features in data.read(part.split, part.start, part.stop):
        records.append(record)
        labels.append(task.label(features))
    return ClassSet(
        image_ids=tuple(f"{part.split}/{part.start + index}" for index in range(len(records))),
        images=tuple(RecordPicture(record, task.seen) for record in records),
        labels=np.array(labels, np.int64),
        classes=data.label_names(task.names, task.classes),
    )


ENTRIES = tuple(
    Entry(
        name=f"vtab/{task.name}",
        about=f"VTAB-1k, {task.group}: {task.builder} of TensorFlow Datasets, {task.classes} classes",
        kind="trained",
        metrics=("knn_top_1", "probe_top_1"),
        layout=(f"{_FOLDER}/{task.builder}/*.*.*/dataset_info.json",),
        where=f"prepare it by `tfds build {task.builder} --data_dir=vtab` of the package tensorflow-datasets in the "
        "data folder; any environment will do, since its files are read without it",
        read=functools.partial(read_task, task=task),
        language="en",
    )
    for task in TASKS
)
