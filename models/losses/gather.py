"""Cross-replica gather: what makes every other pair of the global batch a negative (ALIGN section 4.1).

Legend: B per-replica batch, G global batch, D embedding dimension.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from models.losses.objective import Embedded


class Gathered(NamedTuple):
    """The pairs of all replicas as one of them sees them.

    Attributes:
      everyone: G pairs, replica r's at r * B to (r + 1) * B.
      row_offset: scalar int32, r * B: where this replica's own pairs begin.
    """

    everyone: Embedded
    row_offset: tf.Tensor


def gather_replicas(own: Embedded) -> Gathered:
    """Concatenate the pairs of all replicas, in order of replica id.

    Both towers' vectors travel as one [B, 2 D], and the ids as one: two collectives at most. The gradient of a gathered
    row flows back to the replica that owns it, summed over all replicas that used it.

    Args:
      own: B pairs, B equal on all replicas.

    Returns:
      All pairs; on one replica the input itself and offset 0.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return Gathered(own, tf.constant(0))
    own_pairs, replicas = own.images.shape[0], context.num_replicas_in_sync
    row_offset = tf.convert_to_tensor(context.replica_id_in_sync_group) * own_pairs

    def gather(rows: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(context.all_gather(rows, axis=0), [own_pairs * replicas, rows.shape[1]])

    images, texts = tf.split(gather(tf.concat([own.images, own.texts], axis=1)), 2, axis=1)
    if own.image_ids is None or own.caption_ids is None:
        return Gathered(Embedded(images, texts, None, None), row_offset)
    ids = gather(tf.concat([own.image_ids, own.caption_ids], axis=1))  # [G, 4]
    return Gathered(Embedded(images, texts, ids[:, :2], ids[:, 2:]), row_offset)
