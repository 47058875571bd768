"""ImageNet's validation images with the reassessed labels (ReaL): all classes that people see in each of them.

Reference: Are we done with ImageNet?, arXiv:2006.07159
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

import numpy as np

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.datasets.multi_label import MultiLabelSet
from components.evaluator.datasets.published import imagenet

NO_RIGHT_CLASS = "no_right_class"  # the reason for which an image is left out
_NUMBERED = re.compile(r"ILSVRC2012_val_([0-9]{8})\.")
_AGAIN = "get it again from github.com/google-research/reassessed-imagenet"


def read_real(root: Path) -> MultiLabelSet:
    """Read imagenet/val with imagenet/real.json: for each image, in the order of their numbers, its classes.

    Images without any class are left out and counted.

    Raises:
      DataSetError: the file is of another form or order, or of other images.
    """
    found = imagenet.read_validation(root)
    path = root / "imagenet/real.json"
    by_number = _labels(path, len(found.classes))
    if len(by_number) != len(found.image_ids):
        raise DataSetError(
            f"{path} has labels of {len(by_number)} images and imagenet/val holds {len(found.image_ids)}; {_AGAIN}, or "
            "unpack the images again"
        )
    labels = [by_number[number - 1] for number in _numbers(found.image_ids)]
    kept = [place for place, own in enumerate(labels) if own]
    agreeing = sum(int(found.labels[place]) in labels[place] for place in kept)
    if 2 * agreeing < len(kept):
        raise DataSetError(
            f"{path} has ImageNet's own class for only {agreeing} of {len(kept)} images, so that its images or classes "
            f"stand in another order; {_AGAIN}"
        )
    return MultiLabelSet(
        image_ids=tuple(found.image_ids[place] for place in kept),
        images=tuple(found.images[place] for place in kept),
        labels=found.labels[kept],
        classes=found.classes,
        templates=found.templates,
        skipped={**found.skipped, **({NO_RIGHT_CLASS: len(labels) - len(kept)} if len(kept) < len(labels) else {})},
        right=np.array(
            [(row, label) for row, place in enumerate(kept) for label in sorted(labels[place])], np.int64
        ).reshape(-1, 2),
    )


def _labels(path: Path, classes: int) -> list[set[int]]:
    """Returns the classes of each image, by number."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, list) or not all(isinstance(own, list) for own in content):
        raise DataSetError(f"{path} is no list with a list of class numbers for each image; {_AGAIN}")
    for row, own in enumerate(content):
        for label in own:
            if type(label) is not int or not 0 <= label < classes:
                raise DataSetError(
                    f"{path} gives image {row + 1} the class {str(label)[:40]!r}; a class is a whole number from 0 to "
                    f"{classes - 1}"
                )
    return [{*own} for own in content]


def _numbers(image_ids: tuple[str, ...]) -> list[int]:
    """Returns the number of each image, which are 1 to N in any order."""
    numbers = []
    for name in image_ids:
        match = _NUMBERED.match(PurePosixPath(name).name)
        if match is None:
            raise DataSetError(
                f"imagenet/val holds {name!r}, and labels are told by number; keep the published names, such as "
                "ILSVRC2012_val_00000001.JPEG"
            )
        numbers.append(int(match[1]))
    absent = np.setdiff1d(np.arange(1, len(numbers) + 1), numbers)
    if len(absent):
        raise DataSetError(
            f"imagenet/val holds {len(numbers)} images and none is number {absent[0]}; unpack the images again"
        )
    return numbers


ENTRIES = (
    Entry(
        name="imagenet-real",
        about="ImageNet's validation images with reassessed labels (ReaL), several an image",
        kind="classes",
        metrics=("top_1", "top_5"),
        layout=("imagenet/real.json",),
        shared=("imagenet/val/*",),
        where="get real.json from github.com/google-research/reassessed-imagenet and put it into imagenet/ of the data "
        f"folder; {imagenet.WHERE}",
        read=read_real,
        split="val",
        images=46_837,
    ),
)
