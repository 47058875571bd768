"""The losses written out in NumPy, float64, on the whole batch; gradients by finite differences of them."""

from __future__ import annotations

import numpy as np


def unit_rows(rng, rows, width):
    """Returns [rows, width] unit vectors, float32."""
    x = rng.normal(size=(rows, width))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("float32")


def logits_of(x, y, temperature, bias=0.0):
    return x.astype("float64") @ y.astype("float64").T / temperature + bias


def log_softmax(z):
    """Of one row."""
    return z - z.max() - np.log(np.sum(np.exp(z - z.max())))


def window(i, following, pairs):
    """Columns that pair i is told from, its own first."""
    return [(i + step) % pairs for step in range(following + 1)]


def positives(i, image_ids, caption_ids):
    """Columns that share pair i's image or caption."""
    return [
        j
        for j in range(len(image_ids))
        if tuple(image_ids[j]) == tuple(image_ids[i]) or tuple(caption_ids[j]) == tuple(caption_ids[i])
    ]


def softmax_loss(x, y, temperature, smoothing, following=None):
    """Equations 1 and 2 of ALIGN, over each pair's window."""
    pairs = len(x)
    total = 0.0
    for z in (logits_of(x, y, temperature), logits_of(y, x, temperature)):
        for i in range(pairs):
            columns = window(i, pairs - 1 if following is None else following, pairs)
            targets = np.full(len(columns), smoothing / len(columns))
            targets[0] += 1 - smoothing
            total -= np.sum(targets * log_softmax(z[i, columns]))
    return total / pairs


def multi_positive_loss(x, y, temperature, smoothing, image_ids, caption_ids):
    pairs = len(x)
    total = 0.0
    for z in (logits_of(x, y, temperature), logits_of(y, x, temperature)):
        for i in range(pairs):
            same = positives(i, image_ids, caption_ids)
            targets = np.full(pairs, smoothing / pairs)
            targets[same] += (1 - smoothing) / len(same)
            total -= np.sum(targets * log_softmax(z[i]))
    return total / pairs


def sigmoid_loss(x, y, temperature, bias):
    """Equation 1 of SigLIP; log sigmoid(u) = -log(1 + exp(-u))."""
    signs = 2 * np.eye(len(x)) - 1
    return np.sum(np.logaddexp(0, -signs * logits_of(x, y, temperature, bias))) / len(x)


def recall(x, y, right, among=None):
    """Mean over both directions of the share of rows whose greatest logit, the first of equals, is a right one.

    Args:
      right: i -> columns that are right.
      among: i -> columns to choose from; all where None.
    """
    hits = 0
    for z in (logits_of(x, y, 1.0), logits_of(y, x, 1.0)):
        for i in range(len(x)):
            columns = sorted(among(i)) if among else range(len(x))
            hits += max(columns, key=lambda j: z[i, j]) in right(i)
    return hits / (2 * len(x))


def numeric_gradient(loss, values, step=1e-6):
    """Returns the gradient of loss(*values) by each array or scalar of `values`, by central differences."""
    gradients = []
    for k, value in enumerate(values):
        value = np.asarray(value, "float64")
        gradient = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            ends = []
            for sign in (1, -1):
                moved = value.copy()
                moved[place] += sign * step
                ends.append(loss(*values[:k], moved, *values[k + 1 :]))
            gradient[place] = (ends[0] - ends[1]) / (2 * step)
        gradients.append(gradient)
    return gradients
