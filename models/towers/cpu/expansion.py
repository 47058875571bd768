"""A product of rows by a kernel, which a 1x1 convolution is, with the batch norm that follows it, in one.

A batch norm reads and writes its input several times, and after an expansion that is the largest tensor of the block.
But the statistics of a linear map's outputs follow from those of its inputs, which are six times narrower, and with
them known, normalising is part of the map itself: no pass over the wide tensor is left, in the gradient neither.

Legend: N rows, one a pixel of each image, I channels in, O channels out.
"""

from __future__ import annotations

from typing import Any

from keras import ops

SAMPLED = 61  # one row in so many is centred on; a prime, so that they lie in all columns of an image


def expand(x: Any, kernel: Any, gamma: Any, beta: Any, *, epsilon: float) -> tuple[Any, Any, Any]:
    """Multiply rows by a kernel K and normalise each column of the product over all rows.

    With the mean m and the covariance S of the rows, those of the product are m K and K' S K, of which the diagonal v
    is needed. With the scale s = gamma / sqrt(v + epsilon)

        (x K - m K) s + beta = x (K s) + (beta - m K s).

    A constant 1 as a further input makes the sum of rows and the sum of gradients parts of products that are needed
    anyway. The gradient is written out, as differentiating step by step would pass over the rows several times more.

    S is a difference, exact while means are small beside deviations: in float32, v would lose 1e-4 of itself where a
    mean is 10 deviations, and all where it is 1000. So rows are taken less the mean of some of them, a constant that
    cancels above, and v is exact to 1e-6 at any mean. Where it is a column of K that makes inputs cancel, 1e-7 of what
    they would add up to is lost: little beside epsilon.

    Args:
      x: [N, I].
      kernel: [I, O] float32.
      gamma, beta: [O] float32.
      epsilon: added to the variance.

    Returns:
      [N, O] of x's type; mean and variance of the product, [O] float32 each, which pass no gradient on.
    """

    @ops.custom_gradient
    def expanded(x: Any, kernel: Any, gamma: Any, beta: Any) -> Any:
        centre = ops.mean(x[::SAMPLED], axis=0)  # [I]
        x_1 = ops.concatenate([x - centre, ops.ones_like(x[:, :1])], axis=1)  # [N, I + 1]
        exact = ops.cast(x_1, "float32")
        moments = ops.matmul(ops.transpose(exact), exact) / ops.cast(ops.shape(x)[0], "float32")  # [I + 1, I + 1]
        mean = moments[-1, :-1]  # m
        covariance = moments[:-1, :-1] - mean[:, None] * mean  # S
        spread = ops.matmul(covariance, kernel)  # S K
        variance = ops.maximum(ops.sum(kernel * spread, axis=0), 0.0)  # v, which rounding must not make negative
        inverse = ops.rsqrt(variance + epsilon)
        scale = gamma * inverse  # s
        product_mean = ops.matmul(mean, kernel)  # m K
        scaled = ops.concatenate([kernel * scale, (beta - product_mean * scale)[None]], axis=0)  # [I + 1, O]
        scaled = ops.cast(scaled, x.dtype)

        def gradient(by_outputs: Any, *_: Any) -> tuple[Any, ...]:
            by_scaled = ops.cast(ops.matmul(ops.transpose(x_1), by_outputs), "float32")
            by_weights, by_beta = by_scaled[:-1], by_scaled[-1]
            by_scale = ops.sum(kernel * by_weights, axis=0) - product_mean * by_beta
            by_variance = by_scale * gamma * -0.5 * inverse**3
            by_product_mean = -scale * by_beta
            by_covariance = ops.matmul(kernel * by_variance, ops.transpose(kernel))
            by_mean = ops.matmul(kernel, by_product_mean) - 2 * ops.matmul(by_covariance, mean)
            by_kernel = by_weights * scale + 2 * spread * by_variance + mean[:, None] * by_product_mean
            by_moments = ops.concatenate([2 * by_covariance, by_mean[None]], axis=0) / ops.cast(
                ops.shape(x)[0], "float32"
            )
            by_x = ops.matmul(by_outputs, ops.transpose(scaled[:-1])) + ops.matmul(x_1, ops.cast(by_moments, x.dtype))
            return by_x, by_kernel, by_scale * inverse, by_beta

        of_centre = ops.matmul(ops.cast(centre, "float32")[None], kernel)[0]
        return (ops.matmul(x_1, scaled), product_mean + of_centre, variance), gradient

    return expanded(x, kernel, gamma, beta)
