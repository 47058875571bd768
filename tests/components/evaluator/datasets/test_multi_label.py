"""Images of several classes: tables that do not fit are refused in one sentence."""

import dataclasses

import numpy as np
import pytest

from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.datasets.multi_label import MultiLabelSet
from components.evaluator.datasets.pictures import HeldPicture

WHOLE = MultiLabelSet(
    image_ids=("a", "b"),
    images=(HeldPicture(b"0"), HeldPicture(b"1")),
    labels=np.array([0, 1]),
    classes=(("cat",), ("dog",)),
    right=np.array([[0, 0], [0, 1], [1, 0]]),
)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"labels": np.array([0, 2])}, "labels points at 2 of 2 classes"),
        ({"right": np.array([0, 1])}, r"right has the shape \(2,\)"),
        ({"right": np.array([[0, 0], [1, 2]])}, "right points at 2 of 2 classes"),
        ({"right": np.array([[0, 0], [2, 1]])}, "right points at 2 of 2 images"),
        ({"right": np.array([[0, 0], [1, 1], [0, 0]])}, "right lists a pair twice"),
        ({"right": np.array([[0, 0], [0, 1]])}, r"the image 'b' has no right class \(1 such images\); leave such"),
    ],
)
def test_tables_that_do_not_fit_are_refused(changed, said):
    with pytest.raises(DataSetError, match=said):
        dataclasses.replace(WHOLE, **changed)
