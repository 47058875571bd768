"""What a transfer is asked to learn, checked, and what it gives."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.transfer.pictures import Images, look
from models.transfer.vtab import Trial


@dataclass(frozen=True)
class Task:
    """Images with classes to learn from, and others to be judged by.

    Attributes:
      name: of the data set.
      classes: K.
      train, test: of these classes.
      validation: what a sweep picks by, and the runs then learn from too; None where there is none.
      fingerprint: of what the pictures hold, which `checked` tells; what was learnt of others is not taken for this
        task's.
    """

    name: str
    classes: int
    train: Images
    test: Images
    validation: Images | None = None
    fingerprint: str = ""

    def to_pick_by(self) -> Images:
        """Returns the validation images; raises ValueError where there are none."""
        if self.validation is None:
            raise ValueError(
                f"{self.name} has no validation images, by which the recipe vtab picks among its trials; give a set "
                "that has them, or take another recipe"
            )
        return self.validation

    def checked(self) -> tuple[Task, NDArray[np.int64], dict[str, int]]:
        """Leave out the pictures that cannot be used.

        Returns:
          The task without them and with its fingerprint, the rows of its test images that are left, and
          "part: reason" -> how many are not.

        Raises:
          ValueError: where a part has no picture left, or there is one class alone.
        """
        if self.classes < 2:
            raise ValueError(f"{self.name} has {self.classes} class; a classifier tells at least 2 apart")
        given = {"train": self.train, "test": self.test, "validation": self.validation}
        parts = {part: images for part, images in given.items() if images is not None}
        looked = {part: look(images) for part, images in parts.items()}
        for part, images in parts.items():
            if not len(looked[part].rows):
                raise ValueError(
                    f"{self.name} has no {part} image that can be used ({len(images)} were given); see that its "
                    "pictures lie where the set's layout has them"
                )
        usable = {part: images.chosen(looked[part].rows) for part, images in parts.items()}
        digests = "\n".join(f"{part} {found.digest}" for part, found in looked.items())
        task = dataclasses.replace(
            self,
            train=usable["train"],
            test=usable["test"],
            validation=usable.get("validation"),
            fingerprint=hashlib.sha256(digests.encode()).hexdigest(),
        )
        skipped = {
            f"{part}: {reason}": count for part, found in looked.items() for reason, count in found.skipped.items()
        }
        return task, looked["test"].rows, skipped

    def notices(self, batch: int) -> list[str]:
        """Returns a sentence for each thing about the training images that a reader of the result should know."""
        said = []
        learnt = self.train + self.validation if self.validation else self.train
        images = len(learnt)
        if batch > images:
            said.append(f"{self.name} has {images} training images, so batches hold {images} in place of {batch}")
        absent = self.classes - len(np.unique(learnt.labels))
        if absent:
            said.append(f"{self.name} has no training image of {absent} of its {self.classes} classes")
        return said


@dataclass(frozen=True)
class Outcome:
    """What a tower answers after it learnt a task.

    Attributes:
      rows: [N] which of the test images could be used.
      labels: [N] of these.
      fingerprint: of what all pictures hold.
      ranked: a run each, [N, 5 or K] classes, the best first.
      skipped: "part: reason" -> pictures that were left out.
      notices: sentences on what was scaled down.
      trial: number and settings of the trial that a sweep picked, and the share of validation images that it got
        right; None without a sweep.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    fingerprint: str
    ranked: tuple[NDArray[np.int64], ...]
    skipped: Mapping[str, int]
    notices: tuple[str, ...]
    trial: tuple[int, Trial, float] | None

    def right(self, k: int) -> NDArray[np.float64]:
        """Returns [runs, N]: 1 where an image's class is among the first k."""
        return np.array([(ranked[:, :k] == self.labels[:, None]).any(axis=1) for ranked in self.ranked], np.float64)
