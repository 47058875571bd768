"""Pads that no text of a batch needs are cut, to one of few lengths."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from models.texts.trim import trim, trim_together


@pytest.mark.parametrize(
    ("most", "longest", "length"),
    [
        (64, 3, 16),
        (64, 16, 16),
        (64, 17, 32),
        (64, 48, 48),
        (64, 49, 64),
        (64, 64, 64),
        (6, 3, 3),
        (6, 4, 5),
        (3, 3, 3),
    ],
)
def test_pads_are_cut_to_the_least_length_that_holds_the_longest_text(most, longest, length):
    token_ids = np.zeros((3, most), np.int32)
    for row, pieces in enumerate((2, longest, 1)):
        token_ids[row, :pieces] = row + 1
    np.testing.assert_array_equal(trim(tf.constant(token_ids)), token_ids[:, :length])


def test_micro_batches_are_cut_to_what_the_longest_of_all_needs():
    parts = [
        {"number": number, "token_ids": tf.sequence_mask([pieces, 1], 8, tf.int32)}
        for number, pieces in ((0, 1), (1, 3))
    ]
    cut = trim_together(parts)
    assert [part["number"] for part in cut] == [0, 1]
    for part, whole in zip(cut, parts, strict=True):
        np.testing.assert_array_equal(part["token_ids"], whole["token_ids"][:, :4])
