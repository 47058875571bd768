"""The body of `align eval`: judges any model by a suite of data sets, compares two, or says which sets are there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import ConfigError, as_config_error
from tfx_pipeline.wording import counted, duration

if TYPE_CHECKING:
    from components.evaluator.metrics.ranking import Ties
    from serving.encoders.encoder import Encoder

LAST = "LAST"  # in the place of a model: the newest that a run has pushed


def judge_model(
    model: str,
    suite: str,
    *,
    data: Path,
    out: Path,
    embeddings: Path | None = None,
    temperature: float | None = None,
    ties: Ties = "expected",
    console: Console | None = None,
) -> Path:
    """Judge a model by all sets of a suite that are there.

    Args:
      model: what `serving.encoders.opening.open_encoder` takes: a folder, HOST:PORT, or package.module:object.
      suite: the name of one of ours, or a YAML file.
      data: the folder that holds a folder for each set.
      out: the results folder.
      embeddings: where embeddings are kept; None for the user's cache.
      temperature: what the model divides similarities by before its softmax; None takes what the model says.
      ties: how equal similarities are ranked, as components/evaluator/metrics/ranking.py says.
      console: where to print.

    Returns:
      `out`.

    Raises:
      ConfigError: for a model, a suite, a set or a folder that cannot be used, with the remedy.
    """
    console = console or Console()
    if temperature is not None and not temperature > 0:
        raise ConfigError(f"--temperature is {temperature:g}; similarities are divided by it, so it is above 0")
    from tfx_pipeline.judging.suites import full_name, suite_entries

    entries = suite_entries(suite)
    with quiet_imports():
        from serving.encoders.encoder import EncodeError
        from serving.encoders.opening import open_encoder
        from tfx_pipeline.judging.judge import Task, judge
        from tfx_pipeline.judging.report.page import write_report

    with as_config_error(EncodeError):
        encoder = open_encoder(model)
    with _kept(embeddings, encoder, console) as kept:
        results = judge(Task(encoder, model, full_name(suite), entries, data, out, kept, temperature, ties), console)
    page = write_report(out)
    said = f"{counted(len(results.rows), 'row')} in {duration(results.seconds)}. Report: {page}"
    console.print(said, soft_wrap=True, highlight=False, markup=False)
    if results.refused:
        raise ConfigError(
            f"{counted(len(results.refused), 'data set')} could not be judged by: "
            f"{', '.join(results.refused)}; all others were"
        )
    return out


def list_sets(suite: str | None, data: Path, console: Console) -> None:
    """Print every data set that is known, or those of a suite, and whether it is there."""
    from components.evaluator.datasets.registry import ENTRIES
    from tfx_pipeline.judging.listing import listing_table
    from tfx_pipeline.judging.suites import suite_entries

    entries = [*ENTRIES.values()] if suite is None else suite_entries(suite)
    console.print(listing_table(entries, data))


def compare_models(first: Path, second: Path, *, data: Path, out: Path, console: Console) -> Path:
    """Compare two results folders; print what differs and write a page with what flipped.

    Args:
      first, second: results folders.
      data: the folder that holds a folder for each set, for the pictures.
      out: the folder to write comparison.html into.
      console: where to print.

    Returns:
      The page.

    Raises:
      ConfigError: where the two cannot be compared, or the page cannot be written.
    """
    from tfx_pipeline.judging.compare import compare
    from tfx_pipeline.judging.comparison_page import write_comparison
    from tfx_pipeline.judging.comparison_table import comparison_table

    found = compare(first, second)
    console.print(comparison_table(found))
    for words in found.alone:
        console.print(words, style="yellow", soft_wrap=True, highlight=False, markup=False)
    page = write_comparison(found, data, out)
    console.print(f"What flipped, with pictures: {page}", soft_wrap=True, highlight=False, markup=False)
    return page


@contextlib.contextmanager
def _kept(named: Path | None, encoder: Encoder, console: Console) -> Iterator[Path]:
    """Yields where embeddings are kept: for later runs too, where the model's fingerprint is of no other model."""
    if encoder.is_lasting:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        yield named or Path(base).expanduser() / "align" / "embeddings"
        return
    console.print(
        f"{encoder.name} has no fingerprint, so that its embeddings are of use to this run alone. To keep them, give "
        "the object a string that changes with the model: fingerprint = 'v1'",
        style="dim",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
