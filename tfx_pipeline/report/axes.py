"""Axes that cover their values in a few round steps, evenly or by powers of ten."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TICKS = 4
SMALLEST = 1e-100  # smaller values are drawn as 0
SAME = 1e-9  # values whose relative spread is below this are drawn as one level
FINE_TICKS = 7  # at most of a logarithmic axis with ticks at 1, 2 and 5 times 10^n; a longer one has powers of 10^n


@dataclass(frozen=True)
class Axis:
    """Where values lie.

    Attributes:
      ticks: ascending values; the first and the last are the axis's ends.
      place: value -> 0 at the axis's lower end to 1 at its upper end.
    """

    ticks: Sequence[float]
    place: Callable[[float], float]


def from_zero(levels: Sequence[float]) -> Axis:
    """Returns an even axis from 0, or from below where a level is negative."""
    return around([0.0, *levels])


def around(levels: Sequence[float]) -> Axis:
    """Returns an even axis about the levels."""
    low, high, step = nice_range(min(levels), max(levels))
    ticks = [low + number * step for number in range(round((high - low) / step) + 1)]
    return Axis(ticks, lambda value: (value - low) / (high - low))


def logarithmic(levels: Sequence[float]) -> Axis:
    """Returns an axis on which equal ratios are equal distances; what is 0 or less lies at its lower end."""
    positive = [level for level in levels if level > SMALLEST] or [1.0]
    low, high = min(positive), max(positive)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    fine = [factor * 10.0**power for power in range(first - 1, last + 1) for factor in (1, 2, 5)]
    below, above = max(tick for tick in fine if tick < low), min(tick for tick in fine if tick > high)
    ticks = [tick for tick in fine if below <= tick <= above]
    if len(ticks) > FINE_TICKS:
        stride = math.ceil((last - first) / TICKS)
        ticks = [10.0**power for power in range(first, last + stride, stride)]
    bottom, height = math.log10(ticks[0]), math.log10(ticks[-1] / ticks[0])
    return Axis(ticks, lambda value: max(math.log10(max(value, SMALLEST)) - bottom, 0.0) / height)


def nice_range(low: float, high: float) -> tuple[float, float, float]:
    """Returns ends and step of an axis that covers [low, high] in about TICKS steps of 1, 2, 2.5 or 5 times 10^n."""
    size = max(abs(low), abs(high))
    if size < SMALLEST:
        low, high = 0.0, 1.0
    elif high - low < size * SAME:
        low, high = low - size / 2, high + size / 2
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step
