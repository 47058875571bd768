"""Cuts the pads that no text of a batch needs, so that a step does not compute them.

Legend: B texts in a batch, L model.text_max_pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from models.texts.reserved_pieces import PAD_ID

_LENGTHS = 4  # that a batch's texts may be cut to: a step is traced, and compiled by XLA, for each


def trim(token_ids: tf.Tensor) -> tf.Tensor:
    """Cut the columns after the longest text of a batch, to one of few lengths.

    Lengths are quarters of L, rounded up to whole pieces, so that a step is traced four times at most. A text is
    embedded the same with more pads or fewer, since pads are seen by none; only what dropout draws depends on shapes.

    Args:
      token_ids: [B, L] int32, each row's pads after its pieces.

    Returns:
      [B, L'], L' at most L.
    """
    most = token_ids.shape[1]
    lengths = tf.constant([-(-most * part // _LENGTHS) for part in range(1, _LENGTHS + 1)])
    longest = tf.reduce_max(tf.math.count_nonzero(token_ids != PAD_ID, axis=1, dtype=tf.int32))
    return token_ids[:, : tf.reduce_min(lengths[lengths >= longest])]


def trim_together(micro_batches: Sequence[dict[str, tf.Tensor]]) -> tuple[dict[str, tf.Tensor], ...]:
    """Cut the texts of all micro-batches of a batch as `trim` does, to the length that the longest of them needs."""
    token_ids = tf.split(trim(tf.concat([part["token_ids"] for part in micro_batches], 0)), len(micro_batches))
    return tuple({**part, "token_ids": cut} for part, cut in zip(micro_batches, token_ids, strict=True))
