"""Draws a line chart as inline SVG, coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tfx_pipeline.report.axes import Axis
from tfx_pipeline.report.markup import Markup, tag

WIDTH, HEIGHT = 340, 176
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 10, 22  # margins around the plot, in the chart's own pixels
NAME_TOP = 8.5  # base line of a reference's name that is not cut off at the top


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
    axis: Callable[[Sequence[float]], Axis],
    reference: Reference | None = None,
) -> Markup:
    """Draw one curve.

    Args:
      xs: ascending, one for each y.
      ys: values; the line breaks where one is not finite, and a value between two such is a dot.
      label: what the chart shows, for those who cannot see it.
      write: how a tick on the y axis is written.
      axis: makes the y axis for all levels that are drawn.
      reference: a dashed level.

    Returns:
      An `svg` element of WIDTH x HEIGHT that scales.
    """
    finite = [y for y in ys if math.isfinite(y)] or [0.0]
    levels = finite + ([reference.value] if reference else [])
    y_axis = axis(levels)
    right = max(xs, default=1.0)

    def x_at(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (x / right if right else 0.0)

    def y_at(y: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - y_axis.place(y))

    parts = []
    for value in y_axis.ticks:
        parts.append(tag("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=_px(y_at(value)), y2=_px(y_at(value))))
        parts.append(tag("text", write(value), x=LEFT - 6, y=_px(y_at(value) + 3.5), text_anchor="end"))
    for x, anchor in ((0.0, "start"), (right, "end")):
        parts.append(tag("text", f"{x:,.0f}", x=_px(x_at(x)), y=HEIGHT - 6, text_anchor=anchor))
    if reference:
        y = _px(y_at(reference.value))
        parts.append(tag("line", class_="reference", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y))
    for segment in _segments(xs, ys):
        points = [(_px(x_at(x)), _px(y_at(y))) for x, y in segment]
        if len(points) > 1:
            parts.append(tag("polyline", class_="curve", points=" ".join(f"{x},{y}" for x, y in points)))
        else:
            parts += [tag("circle", class_="dot", cx=x, cy=y, r=2) for x, y in points]
    if reference:  # its name comes last, so that the curve does not cross it
        name_y = _px(max(y_at(reference.value) - 5, NAME_TOP))
        parts.append(tag("text", reference.name, class_="note", x=WIDTH - RIGHT, y=name_y, text_anchor="end"))
    return tag("svg", parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", aria_label=label)


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
