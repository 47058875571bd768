"""An encoder that takes a batch in two halves: what replicas, or micro-batches, do with statistics and masks."""

from __future__ import annotations

import tensorflow as tf

from models.towers.dual_encoder import DualEncoder


class Halved(DualEncoder):
    """One device that embeds each half of the batch on its own, one after the other."""

    def call(self, batch, training=False):
        half = batch["token_ids"].shape[0] // 2
        halves = [
            super(Halved, self).call({key: value[rows] for key, value in batch.items()}, training=training)
            for rows in (slice(None, half), slice(half, None))
        ]
        return {key: tf.concat([part[key] for part in halves], axis=0) for key in halves[0]}
