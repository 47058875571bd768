"""Images of which each may be of several classes, such as ImageNet with its reassessed labels.

Legend: N images, K classes, P pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from components.evaluator.datasets.kinds import ClassSet, DataSetError, Indices, check_indices


@dataclass(frozen=True, kw_only=True)
class MultiLabelSet(ClassSet):
    """Images and all of their classes, for zero-shot classification.

    Attributes:
      labels: [N] the one class that the images were collected by; it need not be among those that are right.
      right: [P, 2] (image, class that is right for it), each pair once.

    Raises:
      DataSetError: the tables do not fit each other, or an image has no right class.
    """

    right: Indices

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.right.ndim != 2 or self.right.shape[1] != 2:
            raise DataSetError(f"right has the shape {self.right.shape}; give one row of an image and a class a pair")
        check_indices("right", self.right[:, 0], len(self.images), "images")
        check_indices("right", self.right[:, 1], len(self.classes), "classes")
        if len(np.unique(self.right, axis=0)) != len(self.right):
            raise DataSetError("right lists a pair twice; list each once")
        without = np.setdiff1d(np.arange(len(self.images)), self.right[:, 0])
        if len(without):
            raise DataSetError(
                f"the image {self.image_ids[without[0]]!r} has no right class ({len(without)} such images); leave "
                "such images out"
            )
