"""Draws a bar for each of several models as inline SVG, coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tfx_pipeline.report.axes import nice_range
from tfx_pipeline.report.charts import Reference
from tfx_pipeline.report.markup import Markup, tag
from tfx_pipeline.wording import NOTHING

WIDTH = 340
BAR, GAP = 14, 6  # of a bar and to the next one, in the chart's own pixels
RIGHT, TOP, BOTTOM = 46, 6, 20  # margins; the right one holds the last bar's value
CHARACTER = 6.0  # about the width of one
MOST_CHARACTERS = 20  # of a label; longer ones are cut


def bar_chart(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    label: str,
    write: Callable[[float], str],
    reference: Reference | None = None,
) -> Markup:
    """Draw horizontal bars from 0, one below the other.

    Args:
      labels: what each bar is.
      values: 0 or more, one for each label; one that is not finite has a dash in its bar's place.
      label: what the chart shows, for those who cannot see it.
      write: how a value is written.
      reference: a dashed level, named below the bars.

    Returns:
      An `svg` element that is WIDTH wide, as high as its bars need, and scales.
    """
    shown = [cut(name) for name in labels]
    left = 8 + CHARACTER * max(map(len, shown), default=0)
    height = TOP + len(shown) * (BAR + GAP) + BOTTOM
    bottom = height - BOTTOM
    levels = [value for value in values if math.isfinite(value)] + ([reference.value] if reference else [])
    _, high, step = nice_range(0.0, max([0.0, *levels]))

    def x_at(value: float) -> float:
        return left + (WIDTH - left - RIGHT) * value / high

    parts = []
    for number in range(round(high / step) + 1):
        x = _px(x_at(number * step))
        parts.append(tag("line", class_="grid", x1=x, x2=x, y1=TOP, y2=bottom))
    for place, (name, value) in enumerate(zip(shown, values, strict=True)):
        y = TOP + place * (BAR + GAP) + GAP / 2
        text_y = _px(y + BAR - 3.5)
        known = math.isfinite(value)
        parts.append(tag("text", name, x=_px(left - 6), y=text_y, text_anchor="end"))
        if known:
            parts.append(tag("rect", class_="column", x=_px(left), y=_px(y), width=_px(x_at(value) - left), height=BAR))
        written = write(value) if known else NOTHING
        parts.append(tag("text", written, x=_px((x_at(value) if known else left) + 5), y=text_y))
    if reference:
        x = _px(x_at(reference.value))
        parts.append(tag("line", class_="reference", x1=x, x2=x, y1=TOP, y2=bottom + 4))
        named = f"{reference.name} {write(reference.value)}"
        anchor = "end" if x_at(reference.value) > WIDTH / 2 else "start"  # so that it is not cut off at the right
        parts.append(tag("text", named, class_="note", x=x, y=height - 5, text_anchor=anchor))
    return tag("svg", parts, viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=label)


def cut(name: str) -> str:
    """Returns a label that fits."""
    return name if len(name) <= MOST_CHARACTERS else f"{name[: MOST_CHARACTERS - 1]}…"


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
