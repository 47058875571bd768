"""Where the bars of several models lie, for the template that draws them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from tfx_pipeline.report.axes import nice_range
from tfx_pipeline.report.charts import Reference
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
) -> dict[str, Any]:
    """Lay horizontal bars out from 0, one below the other.

    Args:
      labels: what each bar is.
      values: 0 or more, one for each label; one that is not finite has a dash in its bar's place.
      label: what the chart shows, for those who cannot see it.
      write: how a value is written.
      reference: a dashed level, named below the bars.

    Returns:
      Places in a chart that is WIDTH wide and as high as its bars need, and what is written there.
    """
    shown = [cut(name) for name in labels]
    left = 8 + CHARACTER * max(map(len, shown), default=0)
    height = TOP + len(shown) * (BAR + GAP) + BOTTOM
    levels = [value for value in values if math.isfinite(value)] + ([reference.value] if reference else [])
    _, high, step = nice_range(0.0, max([0.0, *levels]))

    def x_at(value: float) -> float:
        return left + (WIDTH - left - RIGHT) * value / high

    bars = []
    for place, (name, value) in enumerate(zip(shown, values, strict=True)):
        y = TOP + place * (BAR + GAP) + GAP / 2
        known = math.isfinite(value)
        length, written = (x_at(value) - left, write(value)) if known else (None, NOTHING)
        bars.append({"name": name, "y": y, "text_y": y + BAR - 3.5, "length": length, "written": written})
    level = None
    if reference:
        x = x_at(reference.value)
        anchor = "end" if x > WIDTH / 2 else "start"  # so that its name is not cut off at the right
        level = {"x": x, "anchor": anchor, "name": f"{reference.name} {write(reference.value)}"}
    return {
        "label": label,
        "width": WIDTH,
        "height": height,
        "left": left,
        "top": TOP,
        "bottom": height - BOTTOM,
        "thickness": BAR,
        "grid": [x_at(number * step) for number in range(round(high / step) + 1)],
        "bars": bars,
        "reference": level,
    }


def cut(name: str) -> str:
    """Returns a label that fits."""
    return name if len(name) <= MOST_CHARACTERS else f"{name[: MOST_CHARACTERS - 1]}…"
