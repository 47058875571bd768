"""Writes a run's report.html, for the end of `align run` and for `align report`."""

from __future__ import annotations

import logging
from pathlib import Path

from tfx_pipeline.files import write_file
from tfx_pipeline.report.contents import gather
from tfx_pipeline.report.evaluation_section import unknown_classes
from tfx_pipeline.report.page import render
from tfx_pipeline.runs.event_log import EVENTS_FILE
from tfx_pipeline.runs.run_record import REPORT_FILE, RunRecord, read_record
from tfx_pipeline.settings.config import ConfigError


def rebuild(run_dir: Path) -> Path:
    """Write the report of any run, finished, failed or broken off.

    Args:
      run_dir: the run's folder.

    Returns:
      The page's path.

    Raises:
      ConfigError: where the folder is none of a run, or cannot be written.
    """
    if not (run_dir / EVENTS_FILE).is_file():
        raise ConfigError(f"--run {run_dir} has no {EVENTS_FILE}; name a folder under <output>/<name>/runs")
    run_dir = run_dir.absolute()
    out = run_dir / REPORT_FILE
    write_report(read_record(run_dir), out)
    return out


def write_report(record: RunRecord, out: Path) -> None:
    """Write the report of a run to `out`, aside first, then renamed.

    What the run did not reach is said to be so on the page.

    Raises:
      ConfigError: where `out` cannot be written.
    """
    contents = gather(record)
    for sentence in unknown_classes(contents):
        logging.warning("align: %s", sentence)
    write_file(out, render(contents, out.parent).encode(), str(out))
