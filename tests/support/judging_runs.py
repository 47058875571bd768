"""Judges a suite with a model of colours, in this process."""

from __future__ import annotations

from pathlib import Path

from colour_encoder import ColourEncoder
from rich.console import Console

from components.evaluator.metrics.ranking import Ties
from serving.encoders.opening import encoder_of
from tfx_pipeline.judging.judge import Task, judge
from tfx_pipeline.judging.results import Results
from tfx_pipeline.judging.suites import suite_entries


def run(suite: Path, out: Path, model: ColourEncoder | None = None, ties: Ties = "expected") -> Results:
    """Returns what was judged; embeddings are kept beside `out`."""
    encoder = encoder_of(model or ColourEncoder(), "colours")
    entries = suite_entries(str(suite))
    task = Task(encoder, "colours", str(suite), entries, suite.parent, out, out.parent / "embeddings", ties=ties)
    return judge(task, Console(quiet=True))
