"""The report's section on training: five small curves over the steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tfx_pipeline.report.blocks import note, section
from tfx_pipeline.report.charts import Reference, line_chart
from tfx_pipeline.report.contents import Contents, Missing
from tfx_pipeline.report.markup import Markup, join, tag
from tfx_pipeline.training_history import HistoryLine
from tfx_pipeline.wording import count, duration, measure, percent


@dataclass(frozen=True)
class Curve:
    """One curve of the history.

    Attributes:
      field: of HistoryLine.
      title: what it is.
      write: how its value is written.
      write_tick: how a tick of its axis is written.
      from_zero: whether its axis starts at 0.
    """

    field: str
    title: str
    write: Callable[[float], str]
    write_tick: Callable[[float], str]
    from_zero: bool = True


def _plain(value: float) -> str:
    return f"{value:.6g}"


CURVES = (
    Curve("loss", "Loss, both directions summed", measure, _plain),
    Curve("in_batch_recall_at_1", "In-batch R@1", percent, lambda value: f"{100 * value:.6g} %"),
    Curve("temperature", "Temperature", measure, _plain, from_zero=False),
    Curve("learning_rate", "Learning rate", measure, _plain),
    Curve("pairs_per_s", "Pairs per second", count, count),
)


def training_section(contents: Contents) -> Markup:
    """Returns the curves, as far as training came."""
    history = contents.history
    if isinstance(history, Missing):
        return section("Training", note(history.why))
    last = history[-1]
    lead = f"{count(last.step)} of {count(last.steps)} steps in {duration(last.seconds)}"
    batch = contents.config.get("training", {}).get("batch")
    lead += f", {count(batch)} pairs each." if batch else "."
    charts = [_figure(curve, history, _chance(curve.field, contents.config)) for curve in CURVES]
    return section("Training", tag("div", charts, class_="charts"), lead=lead)


def _figure(curve: Curve, history: list[HistoryLine], chance: Reference | None) -> Markup:
    values = [getattr(line, curve.field) for line in history]
    chart = line_chart(
        [line.step for line in history],
        values,
        label=f"{curve.title} over {count(history[-1].step)} steps, {curve.write(values[-1])} at the end",
        write=curve.write_tick,
        from_zero=curve.from_zero,
        reference=chance,
    )
    title = tag("figcaption", curve.title, tag("b", curve.write(values[-1])))
    return tag("figure", join([title, chart]))


def _chance(field: str, config: Mapping[str, Any]) -> Reference | None:
    """Returns what guessing within a batch of G pairs gets: a loss of 2 ln G and a recall of 1/G."""
    batch = config.get("training", {}).get("batch")
    if not batch:
        return None
    if field == "loss":
        return Reference(2 * math.log(batch), "guessing")
    return Reference(1 / batch, "guessing") if field == "in_batch_recall_at_1" else None
