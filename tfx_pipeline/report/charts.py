"""Where the parts of a line chart lie, for the template that draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tfx_pipeline.report.axes import Axis

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
    write_end: Callable[[float], str] = "{:,.0f}".format,
) -> dict[str, Any]:
    """Lay one curve out.

    Args:
      xs: ascending, one for each y.
      ys: values; the line breaks where one is not finite, and a value between two such is a dot.
      label: what the chart shows, for those who cannot see it.
      write: how a tick on the y axis is written.
      axis: makes the y axis for all levels that are drawn.
      reference: a dashed level.
      write_end: how an end of the x axis, which begins at 0, is written.

    Returns:
      Places in a chart of WIDTH x HEIGHT, and what is written there.
    """
    finite = [y for y in ys if math.isfinite(y)] or [0.0]
    levels = finite + ([reference.value] if reference else [])
    y_axis = axis(levels)
    right = max(xs, default=1.0)

    def x_at(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (x / right if right else 0.0)

    def y_at(y: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - y_axis.place(y))

    level = None
    if reference:
        y = y_at(reference.value)
        level = {"y": y, "name_y": max(y - 5, NAME_TOP), "name": reference.name}
    return {
        "label": label,
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - RIGHT,
        "ticks": [(y_at(value), write(value)) for value in y_axis.ticks],
        "ends": [(x_at(x), anchor, write_end(x)) for x, anchor in ((0.0, "start"), (right, "end"))],
        "segments": [[(x_at(x), y_at(y)) for x, y in segment] for segment in _segments(xs, ys)],
        "reference": level,
    }


def _segments(xs: Sequence[float], ys: Sequence[float]) -> list[list[tuple[float, float]]]:
    """Returns the runs of points with finite values."""
    segments: list[list[tuple[float, float]]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if math.isfinite(y):
            segments[-1].append((x, y))
        elif segments[-1]:
            segments.append([])
    return [segment for segment in segments if segment]
