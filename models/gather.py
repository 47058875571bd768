"""Cross-replica gather: what makes every other pair of the global batch a negative (ALIGN section 4.1).

Legend: B per-replica batch, G global batch, D embedding dimension.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Gathered(NamedTuple):
    """Embeddings of all replicas as one of them sees them.

    Attributes:
      embeddings: [G, D], replica r's rows at r * B to (r + 1) * B.
      row_offset: scalar int32, r * B: where this replica's own rows begin.
    """

    embeddings: tf.Tensor
    row_offset: tf.Tensor


def gather_replicas(embeddings: tf.Tensor) -> Gathered:
    """Concatenate the embeddings of all replicas, in order of replica id.

    The gradient of a gathered row flows back to the replica that owns it, summed over all replicas that used it.

    Args:
      embeddings: [B, D], B equal on all replicas.

    Returns:
      The gathered rows; on one replica the input itself and offset 0.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return Gathered(embeddings, tf.constant(0))
    row_offset = tf.convert_to_tensor(context.replica_id_in_sync_group) * tf.shape(embeddings)[0]
    return Gathered(context.all_gather(embeddings, axis=0), row_offset)
