"""Keeps what each judged model scored in one table, `<output>/<name>/history.csv`; imports no framework.

    run,finished,model,evaluation,blessed,seen/i2t_recall_at_1,seen/i2t_recall_at_5,...
    2026-03-01T14-05-12,2026-03-01T14:21:40Z,artifacts/Trainer/model/9,artifacts/Evaluator/evaluation/11,yes,0.2134,...

A row is written when a run has ended well. A run whose Evaluator came from the cache judged nothing anew and has none;
a model that is judged anew, as with other prompts, has another one.
"""

from __future__ import annotations

import csv
import io
import logging
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.component_ids import EVALUATOR
from components.evaluator.config import METRICS
from tfx_pipeline.files import write_file
from tfx_pipeline.runs.folders import JUDGED_MODELS
from tfx_pipeline.runs.run_record import RunRecord

RUN, FINISHED, MODEL, EVALUATION, BLESSED = "run", "finished", "model", "evaluation", "blessed"
COLUMNS = (RUN, FINISHED, MODEL, EVALUATION, BLESSED)
Row = Mapping[str, str]


def append_model(record: RunRecord, found: Mapping[str, Any]) -> None:
    """Add the row of a run that ended well, unless its evaluation has one; a table of another form stays as it is.

    Args:
      record: of the run.
      found: what findings.py kept of its evaluation; {"why": cause} where it could not be read.
    """
    evaluation = record.output(EVALUATOR, "evaluation")
    if not record.succeeded or evaluation is None or "metrics" not in found:
        return
    path = record.root / JUDGED_MODELS
    try:
        rows = read_models(record.root)
    except ValueError as error:
        logging.warning("align: %s", error)
        return
    if any(row[EVALUATION] == _below(record, evaluation) for row in rows):
        return
    numbers = {
        f"{split}/{name}": repr(float(of[name]))
        for split, of in found["metrics"].items()
        for name in METRICS
        if math.isfinite(of.get(name, math.nan))
    }
    row = {
        RUN: record.run_dir.name,
        FINISHED: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.finished)),
        MODEL: _below(record, record.model),
        EVALUATION: _below(record, evaluation),
        BLESSED: "yes" if found["blessed"] else "no",
        **numbers,
    }
    write_file(path, _table([*rows, row]).encode(), str(path))


def read_models(root: Path) -> list[Row]:
    """Returns the rows of the table below a pipeline's folder, the oldest first; [] where there is none.

    A number is text as it stands in the table, "" where a run did not have it.

    Raises:
      ValueError: the file is no such table.
    """
    path = root / JUDGED_MODELS
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows: list[Row] = list(csv.DictReader(file))
    except FileNotFoundError:
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no table of judged models ({error}); move it away") from error
    if any(None in row or None in row.values() or not set(COLUMNS) <= set(row) for row in rows):
        raise ValueError(f"{path} is no table of judged models: it lacks one of {', '.join(COLUMNS)}; move it away")
    return rows


def number(row: Row, column: str) -> float:
    """Returns a number of a row; NaN where it has none."""
    try:
        return float(row.get(column) or "nan")
    except ValueError:  # somebody wrote into the table
        return math.nan


def _table(rows: Sequence[Row]) -> str:
    names = dict.fromkeys(name for row in rows for name in row)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [*COLUMNS, *(name for name in names if name not in COLUMNS)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _below(record: RunRecord, folder: Path | None) -> str:
    return "" if folder is None else os.path.relpath(folder, record.root.resolve())
