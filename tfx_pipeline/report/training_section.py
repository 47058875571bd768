"""What the report's section on training tells: small curves over the steps, and the warnings that held."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.training.diagnosis import INPUT_WAIT_SHARE, chance_loss, chance_recall
from models.training_config import TrainingConfig
from tfx_pipeline.report.axes import Axis, around, from_zero, logarithmic
from tfx_pipeline.report.charts import Reference, line_chart
from tfx_pipeline.report.contents import Contents, Missing
from tfx_pipeline.runs.training_history import HistoryLine
from tfx_pipeline.settings.config import ConfigError, build
from tfx_pipeline.wording import count, counted, duration, measure, percent


@dataclass(frozen=True)
class Curve:
    """One curve of the history.

    Attributes:
      field: of HistoryLine.
      title: what it is.
      write: how its value is written.
      write_tick: how a tick of its axis is written.
      axis: makes its axis.
    """

    field: str
    title: str
    write: Callable[[float], str]
    write_tick: Callable[[float], str]
    axis: Callable[[Sequence[float]], Axis] = from_zero


def _plain(value: float) -> str:
    return f"{value:,.6g}"


def _plain_percent(value: float) -> str:
    return f"{100 * value:.6g} %"


CURVES = (
    Curve("loss", "Loss", measure, _plain),
    Curve("in_batch_recall_at_1", "In-batch R@1", percent, _plain_percent),
    Curve("temperature", "Temperature", measure, _plain, around),
    Curve("gradient_norm", "Gradient norm, before clipping", measure, _plain, logarithmic),
    Curve("learning_rate", "Learning rate", measure, _plain),
    Curve("pairs_per_s", "Pairs per second", count, count),
    Curve("input_wait", "Wait for input, share of the time", percent, _plain_percent),
)


def training_section(contents: Contents) -> dict[str, Any] | Missing:
    """Returns warnings and curves, as far as training came; a curve of which nothing is known is left out."""
    history = contents.history
    if isinstance(history, Missing):
        return history
    training = _training(contents.config)
    return {
        "lead": _lead(history[-1], training),
        "warnings": warnings_that_held(history),
        "curves": [
            (curve.title, curve.write(values[-1]), _chart(curve, values, history, training))
            for curve in CURVES
            if any(map(math.isfinite, values := [getattr(line, curve.field) for line in history]))
        ],
    }


def warnings_that_held(history: Sequence[HistoryLine]) -> list[tuple[str, str]]:
    """Returns when each warning held, and its words at the last of those lines; in the order in which they began."""
    found = []
    for name in dict.fromkeys(name for line in history for name in line.warnings):
        held = [line for line in history if name in line.warnings]
        first, last = held[0], held[-1]
        between = [line for line in history if first.step <= line.step <= last.step]
        when = f"Step {count(first.step)}" if first is last else f"Steps {count(first.step)} to {count(last.step)}"
        still = ", still at the end" if last is history[-1] else ""
        gaps = f" ({count(len(held))} of {count(len(between))} lines)" if len(held) < len(between) else ""
        found.append((f"{when}{still}{gaps}.", last.warnings[name]))
    return found


def _lead(last: HistoryLine, training: TrainingConfig | None) -> str:
    each = f", {count(training.batch)} pairs each" if training else ""
    skipped = (
        f" {counted(last.skipped_steps, 'step')} changed nothing, for their gradients were not finite."
        if last.skipped_steps
        else ""
    )
    return f"{count(last.step)} of {count(last.steps)} steps in {duration(last.seconds)}{each}.{skipped}"


def _chart(
    curve: Curve, values: Sequence[float], history: Sequence[HistoryLine], training: TrainingConfig | None
) -> dict[str, Any]:
    return line_chart(
        [line.step for line in history],
        values,
        label=f"{curve.title} over {count(history[-1].step)} steps, {curve.write(values[-1])} at the end",
        write=curve.write_tick,
        axis=curve.axis,
        reference=_reference(curve.field, training) if training else None,
    )


def _reference(field: str, training: TrainingConfig) -> Reference | None:
    """Returns the level that a curve is to be compared with."""
    repeats = ", more where pairs repeat" if training.loss == "multi_positive" else ""
    levels = {
        "loss": (chance_loss(training), "guessing"),
        "in_batch_recall_at_1": (chance_recall(training), f"guessing{repeats}"),
        "gradient_norm": (training.clip_norm, "clipped above"),
        "input_wait": (INPUT_WAIT_SHARE, "warned of above"),
    }
    value, name = levels.get(field, (None, ""))
    return None if value is None else Reference(value, name)


def _training(config: Mapping[str, Any]) -> TrainingConfig | None:
    """Returns how the training was set; None where the config is missing or of another version."""
    if "training" not in config:
        return None
    try:
        return build({"training": config["training"]}).training
    except ConfigError:
        return None
