"""Draws a line chart as inline SVG, coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tfx_pipeline.report.markup import Markup, tag

WIDTH, HEIGHT = 340, 176
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 10, 22  # margins around the plot, in the chart's own pixels
NAME_TOP = 8.5  # base line of a reference's name that is not cut off at the top
TICKS = 4
SMALLEST = 1e-100  # smaller values are drawn as 0
SAME = 1e-9  # values whose relative spread is below this are drawn as one level


@dataclass(frozen=True)
class Reference:
    """A level to compare a curve with.

    Attributes:
      value: on the y axis.
      name: what it is.
    """

    value: float
    name: str


def line_chart(
    xs: Sequence[float],
    ys: Sequence[float],
    *,
    label: str,
    write: Callable[[float], str],
    from_zero: bool,
    reference: Reference | None = None,
) -> Markup:
    """Draw one curve.

    Args:
      xs: ascending, one for each y.
      ys: values; the line breaks where one is not finite, and a value between two such is a dot.
      label: what the chart shows, for those who cannot see it.
      write: how a tick on the y axis is written.
      from_zero: whether the y axis starts at 0.
      reference: a dashed level.

    Returns:
      An `svg` element of WIDTH x HEIGHT that scales.
    """
    finite = [y for y in ys if math.isfinite(y)] or [0.0]
    levels = finite + ([reference.value] if reference else [])
    low, high, step = nice_range(min(levels + [0.0] * from_zero), max(levels))
    right = max(xs, default=1.0)

    def x_at(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (x / right if right else 0.0)

    def y_at(y: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (y - low) / (high - low))

    parts = []
    for number in range(round((high - low) / step) + 1):
        value = low + number * step
        parts.append(tag("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=_px(y_at(value)), y2=_px(y_at(value))))
        parts.append(tag("text", write(value), x=LEFT - 6, y=_px(y_at(value) + 3.5), text_anchor="end"))
    for x, anchor in ((0.0, "start"), (right, "end")):
        parts.append(tag("text", f"{x:,.0f}", x=_px(x_at(x)), y=HEIGHT - 6, text_anchor=anchor))
    if reference:
        y = y_at(reference.value)
        parts.append(tag("line", class_="reference", x1=LEFT, x2=WIDTH - RIGHT, y1=_px(y), y2=_px(y)))
        name_y = _px(max(y - 5, NAME_TOP))
        parts.append(tag("text", reference.name, class_="note", x=WIDTH - RIGHT, y=name_y, text_anchor="end"))
    for segment in _segments(xs, ys):
        points = [(_px(x_at(x)), _px(y_at(y))) for x, y in segment]
        if len(points) > 1:
            parts.append(tag("polyline", class_="curve", points=" ".join(f"{x},{y}" for x, y in points)))
        else:
            parts += [tag("circle", class_="dot", cx=x, cy=y, r=2) for x, y in points]
    return tag("svg", parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label)


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


def _segments(xs: Sequence[float], ys: Sequence[float]) -> list[list[tuple[float, float]]]:
    """Returns the runs of points with finite values."""
    segments: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if math.isfinite(y):
            segments[-1].append((x, y))
        elif segments[-1]:
            segments.append([])
    return [segment for segment in segments if segment]


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
