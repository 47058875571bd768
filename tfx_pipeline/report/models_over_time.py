"""What the models judged so far scored, drawn one after the other: has the newest one gained or lost?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_pipeline.report.axes import from_zero
from tfx_pipeline.report.charts import Reference, line_chart
from tfx_pipeline.report.contents import Evaluation, Missing
from tfx_pipeline.runs.judged_models import FINISHED, Row, number
from tfx_pipeline.wording import percent

DRAWN = {"t2i_recall_at_10": "text → image R@10", "i2t_recall_at_10": "image → text R@10", "zero_shot_top_1": "top-1"}


def models_over_time(
    models: Sequence[Row] | Missing, evaluation: Evaluation, least: Mapping[str, float]
) -> dict[str, Any]:
    """Returns "models": (title, last value, line chart) of each metric that two models have, or why it is missing.

    Args:
      models: rows of history.csv, the oldest first.
      evaluation: of this run, whose splits are drawn.
      least: `evaluation.min_metrics`, drawn as levels.
    """
    if isinstance(models, Missing):
        return {"models": models, "models_count": 0}
    drawn = []
    for split in evaluation.metrics:
        for metric, words in DRAWN.items():
            key = f"{split}/{metric}"
            values = [number(row, key) for row in models]
            if sum(map(math.isfinite, values)) < 2:
                continue
            title = f"{split}, {words}"
            chart = line_chart(
                range(len(values)),
                values,
                label=f"{title} of {len(values)} evaluations, {percent(values[-1])} at the end",
                write=lambda share: f"{100 * share:.6g} %",
                axis=from_zero,
                reference=Reference(least[key], "at least") if key in least else None,
                write_end=lambda place: models[round(place)][FINISHED].partition("T")[0],
            )
            drawn.append((title, percent(values[-1]), chart))
    return {"models": drawn, "models_count": len(models)}
