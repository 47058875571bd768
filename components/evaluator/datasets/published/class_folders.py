"""A folder for each class with its images in it, as ImageNet and torchvision's ImageFolder have it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from components.closest_name import did_you_mean
from components.evaluator.datasets.kinds import ClassSet, DataSetError
from components.evaluator.datasets.pictures import FilePicture, is_image

NOT_AN_IMAGE = "not_an_image"  # the reason for which a file is passed over


def read_class_folders(
    folder: Path,
    classes: Mapping[str, Sequence[str]],
    templates: Sequence[str] = ("{}",),
) -> ClassSet:
    """Read the images of each class.

    Files and folders whose names begin with a dot are passed over; other files that are no images are counted.

    Args:
      folder: holds a folder for each class; images may lie in folders inside it.
      classes: name of a class's folder -> the names that prompts ask with, in the order of the labels.
      templates: of the prompts.

    Raises:
      DataSetError: a class has no folder or no image, or a folder is of no class.
    """
    found = class_folders(folder)
    absent = [name for name in classes if name not in found]
    if absent:
        raise DataSetError(
            f"{folder} has no folder {absent[0]!r} ({len(absent)} of {len(classes)} classes lack theirs)"
        )
    strange = [name for name in found if name not in classes]
    if strange:
        raise DataSetError(
            f"rename or move away the folder {strange[0]!r} in {folder}, which is no class of the set"
            f"{did_you_mean(strange[0], classes)}"
        )
    paths: list[Path] = []
    labels: list[int] = []
    skipped: Counter[str] = Counter()
    for label, name in enumerate(classes):
        files = sorted(_files_below(folder / name))
        images = [Path(path) for path in files if is_image(path)]
        skipped[NOT_AN_IMAGE] += len(files) - len(images)
        if not images:
            raise DataSetError(f"{folder / name} holds no image; put the class's images there, or remove the folder")
        paths += images
        labels += [label] * len(images)
    return ClassSet(
        image_ids=tuple(path.relative_to(folder).as_posix() for path in paths),
        images=tuple(map(FilePicture, paths)),
        labels=np.array(labels, np.int64),
        classes=tuple(tuple(names) for names in classes.values()),
        templates=tuple(templates),
        skipped={reason: count for reason, count in skipped.items() if count},
    )


def _files_below(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (os.path.join(place, name) for name in files if not name.startswith("."))


def class_folders(folder: Path) -> list[str]:
    """Returns the names of the folders in `folder`, sorted.

    Raises:
      DataSetError: it is no folder, or has none in it.
    """
    if not folder.is_dir():
        raise DataSetError(f"{folder} is no folder; name the one that holds a folder for each class")
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not names:
        raise DataSetError(f"{folder} holds no folder; put the images of each class into a folder of its own there")
    return names


def names_by_folder(folder: Path) -> dict[str, tuple[str, ...]]:
    """Returns each class as its folder is called, with spaces for underscores."""
    return {name: (name.replace("_", " "),) for name in class_folders(folder)}
