"""Walks the B x G matrix of pairs in blocks of rows, loss and gradient in one go, so that memory does not grow with it.

Automatic differentiation keeps several B x G matrices from the forward to the backward pass: at B = G = 16384 on one
device each is 1 GiB. Every loss here is a sum over rows and knows its own derivative, so a block's gradient is taken
while its logits are there, and what stays is as large as the embeddings.

Legend: B per-replica batch, G global batch, D embedding dimension, R rows of a block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

Tensor = Any

# Logits of a block, 4 MiB of float32: 64 rows at a global batch of 16384, so that a replica of 16 needs no second one.
BLOCK_LOGITS = 1 << 20


class Judged(NamedTuple):
    """What a loss says of a block of rows.

    Attributes:
      costs: [R], each row's part of the loss.
      slopes: [R, G], derivative of each row's cost by its logits.
      right: [R] bool, whether the greatest logit of the row is where it should be.
    """

    costs: Tensor
    slopes: Tensor
    right: Tensor


# (logits [R, G], which of the B rows is the first: scalar int32) -> what the loss says of them.
Criterion = Callable[[Tensor, Tensor], Judged]


class Scored(NamedTuple):
    """Two scalars of this replica's pairs, whose means over the replicas are those of the global batch.

    Attributes:
      loss: differentiable.
      recall_at_1: share of rows whose greatest logit is a right one; no gradient flows through it.
    """

    loss: Tensor
    recall_at_1: Tensor


def score_rows(
    queries: Tensor,
    candidates: Tensor,
    temperature: Tensor | float,
    bias: Tensor | float,
    criterion: Criterion,
    block_logits: int = BLOCK_LOGITS,
) -> Scored:
    """Score each query against all candidates by the logits  q_i . c_j / temperature + bias.

    With temperature s and a_ij the criterion's slopes over B s:  dq_i = sum_j a_ij c_j;  dc_j = sum_i a_ij q_i;
    dbias = s sum_ij a_ij;  ds = -sum_ij a_ij (q_i . c_j) / s, which is  -sum_i q_i . dq_i / s  and needs no second look
    at the matrix. That gradient cannot be differentiated again.

    Args:
      queries: [B, D] float32.
      candidates: [G, D] float32.
      temperature: scalar.
      bias: scalar.
      criterion: the loss of a block of rows.
      block_logits: logits that may exist at a time; a block has one row at least.

    Returns:
      Means over the B rows.
    """

    def forward(queries: Tensor, candidates: Tensor, temperature: Tensor, bias: Tensor) -> Any:
        share = 1 / ops.cast(ops.shape(queries)[0], queries.dtype)

        def one(first: Tensor | int, size: Tensor | int) -> _Sums:
            rows = ops.slice(queries, (first, 0), (size, queries.shape[1]))  # [R, D]
            cosines = ops.matmul(rows, ops.transpose(candidates))  # [R, D] x [D, G] -> [R, G]
            judged = criterion(cosines / temperature + bias, first)
            slopes = judged.slopes * (share / temperature)
            return _Sums(
                cost=ops.sum(judged.costs),
                right=ops.sum(ops.cast(judged.right, queries.dtype)),
                slope=ops.sum(slopes),
                by_queries=ops.matmul(slopes, candidates),  # [R, G] x [G, D] -> [R, D]
                by_candidates=ops.matmul(ops.transpose(slopes), rows),  # [G, R] x [R, D] -> [G, D]
            )

        def add(sums: _Sums, block: _Sums, first: Tensor | int) -> _Sums:
            places = (ops.arange(block.by_queries.shape[0]) + first)[:, None]  # [R, 1]
            return _Sums(
                cost=sums.cost + block.cost,
                right=sums.right + block.right,
                slope=sums.slope + block.slope,
                by_queries=ops.scatter_update(sums.by_queries, places, block.by_queries),
                by_candidates=sums.by_candidates + block.by_candidates,
            )

        zero = ops.zeros((), queries.dtype)
        nothing = _Sums(zero, zero, zero, ops.zeros_like(queries), ops.zeros_like(candidates))
        sums = _over_blocks(queries, candidates, block_logits, nothing, one, add)
        by_temperature = -ops.sum(queries * sums.by_queries) / temperature
        gradients = (sums.by_queries, sums.by_candidates, by_temperature, sums.slope * temperature)

        # One output, because the two backends hand several outputs' gradients over in different ways.
        def backward(upstream: Tensor) -> tuple[Tensor, ...]:
            return tuple(upstream[0] * gradient for gradient in gradients)

        return ops.stack([sums.cost, sums.right]) * share, backward

    scalars = [ops.cast(ops.convert_to_tensor(scalar), queries.dtype) for scalar in (temperature, bias)]
    both = ops.custom_gradient(forward)(ops.convert_to_tensor(queries), ops.convert_to_tensor(candidates), *scalars)
    return Scored(both[0], ops.stop_gradient(both[1]))


def recall_at_1(
    queries: Tensor, candidates: Tensor, row_offset: Tensor | int, block_logits: int = BLOCK_LOGITS
) -> Tensor:
    """Returns the share of queries [B, D] whose greatest cosine with candidates [G, D] is their own pair's."""
    queries, candidates = ops.stop_gradient(queries), ops.stop_gradient(candidates)

    def one(first: Tensor | int, size: Tensor | int) -> Tensor:
        rows = ops.slice(queries, (first, 0), (size, queries.shape[1]))  # [R, D]
        cosines = ops.matmul(rows, ops.transpose(candidates))  # [R, D] x [D, G] -> [R, G]
        return ops.sum(ops.cast(top_is_own(cosines, row_offset + first), queries.dtype))

    zero = ops.zeros((), queries.dtype)
    right = _over_blocks(queries, candidates, block_logits, zero, one, lambda sums, block, first: sums + block)
    return right / ops.cast(ops.shape(queries)[0], queries.dtype)


def own_columns(logits: Tensor, row_offset: Tensor | int) -> Tensor:
    """Returns [R]: the column of each row's own pair, where the first row's is `row_offset`."""
    return ops.arange(ops.shape(logits)[0]) + row_offset


def own_pairs(logits: Tensor, row_offset: Tensor | int) -> Tensor:
    """Returns [R, G] bool: true at each row's own pair."""
    return ops.equal(ops.arange(ops.shape(logits)[1])[None, :], own_columns(logits, row_offset)[:, None])


def top_is_own(logits: Tensor, row_offset: Tensor | int) -> Tensor:
    """Returns [R] bool: whether the greatest logit, the first of equals, is the own pair's."""
    return ops.equal(ops.argmax(logits, axis=1), own_columns(logits, row_offset))


class _Sums(NamedTuple):
    """Sums over the rows so far."""

    cost: Tensor
    right: Tensor
    slope: Tensor
    by_queries: Tensor  # [B, D], rows not yet reached are 0; of one block alone, [R, D]
    by_candidates: Tensor  # [G, D]


def _over_blocks(
    queries: Tensor,
    candidates: Tensor,
    block_logits: int,
    nothing: Any,
    one: Callable[[Tensor | int, Tensor | int], Any],
    add: Callable[[Any, Any, Tensor | int], Any],
) -> Any:
    """Sum one(first row, rows) over blocks of rows: in a loop where there are several, the last one maybe smaller."""
    rows = queries.shape[0]
    if rows is None:  # without a static batch there is no static number of blocks
        return one(0, ops.shape(queries)[0])
    block = min(rows, max(1, block_logits // candidates.shape[0]))
    if block == rows:
        return one(0, rows)
    whole = rows // block
    sums = _in_turn(whole, lambda i, sums: add(sums, one(i * block, block), i * block), nothing)
    if rows % block:
        sums = add(sums, one(whole * block, rows % block), whole * block)
    return sums


def _in_turn(count: int, body: Callable[[Tensor, Any], Any], start: Any) -> Any:
    """Returns body(count - 1, ... body(1, body(0, start))), each done before the next one begins.

    TensorFlow would run ten blocks of a `fori_loop` ahead, each with a [G, D] product that waits to be added.
    """
    if keras.backend.backend() != "tensorflow":
        return ops.fori_loop(0, count, body, start)
    import tensorflow as tf

    def step(i: Tensor, sums: Any) -> tuple[Tensor, Any]:
        return i + 1, body(i, sums)

    return tf.while_loop(lambda i, sums: i < count, step, (tf.constant(0), start), parallel_iterations=1)[1]
