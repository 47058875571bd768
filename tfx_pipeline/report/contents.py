"""Gathers what a report tells of a run; each piece is there, or says why it is missing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from components import component_ids as ids
from components.artifact_files import (
    FILTER_REPORT_FILE,
    INGEST_REPORT_FILE,
    MODEL_CARD_PAGE,
    SERVING_VALIDATION_FILE,
    VOCABULARY_REPORT_FILE,
)
from serving.versions import SAVED_MODEL_FILE
from tfx_pipeline.report.example_answers import ExampleAnswers
from tfx_pipeline.report.findings import ANSWERS_FILE, EVALUATION_FILE, read_answers
from tfx_pipeline.runs.judged_models import RUN, Row, read_models
from tfx_pipeline.runs.run_record import CONFIG_FILE, RunRecord
from tfx_pipeline.runs.training_history import HistoryLine, history_written_since, read_history
from tfx_pipeline.settings.yaml_text import read_yaml

T = TypeVar("T")


@dataclass(frozen=True)
class Missing:
    """A piece that a run does not have; `why` is a sentence."""

    why: str


@dataclass(frozen=True)
class Evaluation:
    """What the Evaluator found.

    Attributes:
      metrics: split -> metric -> value.
      baseline: the same of the last blessed model before, {} where there was none.
      refusals: why the model was refused, a sentence each; none where it was blessed.
      blessed: whether it was.
      slices: split -> kind of slice -> value -> metric -> value.
    """

    metrics: Mapping[str, Mapping[str, float]]
    baseline: Mapping[str, Mapping[str, float]]
    refusals: tuple[str, ...]
    blessed: bool
    slices: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Contents:
    """All that a report shows.

    Attributes:
      record: states, times and outputs.
      config: the configuration as nested mappings, {} where it is missing.
      config_text: the same as YAML.
      ingest, filter, vocabulary: the reports of components/artifacts.py.
      history: lines of training, one at least.
      evaluation: numbers and verdict.
      pushed: whether a model went to the serving folder.
      answers: example queries.
      models: what the models judged so far scored, this one last.
      serving: what the ServingValidator found.
      card: of the pushed model, in Markdown.
    """

    record: RunRecord
    config: Mapping[str, Any]
    config_text: str
    ingest: Mapping[str, Any] | Missing
    filter: Mapping[str, Any] | Missing
    vocabulary: Mapping[str, Any] | Missing
    history: list[HistoryLine] | Missing
    evaluation: Evaluation | Missing
    pushed: bool
    answers: ExampleAnswers | Missing
    models: Sequence[Row] | Missing = ()
    serving: Mapping[str, Any] | Missing = Missing("Not reached: the model was not served.")
    card: str | Missing = Missing("Not reached: no model was pushed.")


def gather(record: RunRecord) -> Contents:
    """Read all pieces of a run; what is not there is Missing, never an error."""
    config_text = _config_text(record)
    config = _mapping(config_text)
    pushed = record.output(ids.PUSHER, "pushed_model")
    is_pushed = pushed is not None and (pushed / SAVED_MODEL_FILE).is_file()
    return Contents(
        record=record,
        config=config,
        config_text=config_text,
        ingest=_read(record, ids.PAIR_EXAMPLE_GEN, "report", lambda folder: _json(folder / INGEST_REPORT_FILE)),
        filter=_read(record, ids.PAIR_FILTER, "report", lambda folder: _json(folder / FILTER_REPORT_FILE)),
        vocabulary=_read(record, ids.VOCABULARY, "vocabulary", lambda folder: _json(folder / VOCABULARY_REPORT_FILE)),
        history=_history(record),
        evaluation=_evaluation(record, list(config.get("evaluation", {}).get("splits", []))),
        pushed=is_pushed,
        answers=_answers(record),
        models=_models(record),
        serving=_read(record, ids.SERVING_VALIDATOR, "blessing", lambda uri: _json(uri / SERVING_VALIDATION_FILE)),
        card=_card(record) if is_pushed else Missing("There is none: no model was pushed."),
    )


def _read(record: RunRecord, component: str, key: str, read: Callable[[Path], T]) -> T | Missing:
    folder = record.output(component, key)
    if folder is None:
        return Missing(_not_reached(record, component))
    try:
        return read(folder)
    except Exception as error:  # whatever a damaged artifact makes its reader raise: the page says so and goes on
        cause = " ".join(str(error).split()) or type(error).__name__
        return Missing(f"The output of {component} could not be read: {cause}")


def _not_reached(record: RunRecord, component: str) -> str:
    state = record.component(component).state
    if state == "failed":
        return f"Not reached: {component} failed."
    if state == "running":
        return f"Not reached: {component} had not finished when this was written."
    return f"Not reached: {component} did not run."


def _card(record: RunRecord) -> str | Missing:
    def read(folder: Path) -> str:
        path = folder / MODEL_CARD_PAGE
        if not path.is_file():
            raise ValueError("an earlier version pushed no card; `align run --rerun Pusher` pushes the model with one")
        return path.read_text(encoding="utf-8")

    return _read(record, ids.PUSHER, "pushed_model", read)


def _json(path: Path) -> Mapping[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _history(record: RunRecord) -> list[HistoryLine] | Missing:
    """Returns the curves of a finished training, or as far as an unfinished one came."""
    trainer = record.component(ids.TRAINER)
    folder = record.output(ids.TRAINER, "model_run")
    if folder is None and trainer.started is not None:
        written = history_written_since(record.root, trainer.started)
        folder = written.parent if written else None
    if folder is None:
        return Missing(_not_reached(record, ids.TRAINER))
    try:
        return read_history(folder) or Missing(_not_reached(record, ids.TRAINER))
    except (OSError, ValueError) as error:
        return Missing(f"The training history could not be read: {error}")


def _evaluation(record: RunRecord, splits: list[str]) -> Evaluation | Missing:
    def read(found: Mapping[str, Any]) -> Evaluation:
        metrics = found["metrics"]
        return Evaluation(
            metrics={split: metrics[split] for split in in_order(metrics, splits)},
            baseline=found["baseline"],
            refusals=tuple(found["refusals"]),
            blessed=found["blessed"],
            slices=found.get("slices", {}),  # an earlier version kept none
        )

    return _finding(record, ids.EVALUATOR, "evaluation", EVALUATION_FILE, read)


def _models(record: RunRecord) -> Sequence[Row] | Missing:
    """Returns the rows of the models judged before this run ended, and of this one."""
    try:
        rows = read_models(record.root)
    except ValueError as error:
        return Missing(f"{error}.")
    return [row for row in rows if row[RUN] <= record.run_dir.name]


def _answers(record: RunRecord) -> ExampleAnswers | Missing:
    if record.output(ids.PAIR_FILTER, "examples") is None:
        return Missing(_not_reached(record, ids.PAIR_FILTER))
    return _finding(record, ids.TRAINER, "model", ANSWERS_FILE, read_answers)


def _finding(
    record: RunRecord, component: str, key: str, file: str, read: Callable[[Mapping[str, Any]], T]
) -> T | Missing:
    """Returns what was kept beside the run of a component's output."""
    path = record.run_dir / file
    if record.output(component, key) is not None and not path.is_file():
        return Missing(
            f"Not kept: {file} is written at a run's end, and is not there where the run was killed or an earlier "
            "version made it. `align run` again, which takes what is unchanged from the cache, writes it."
        )

    def parse(_: Path) -> T:
        found = _json(path)
        if "why" in found:
            raise ValueError(found["why"])
        return read(found)

    return _read(record, component, key, parse)


def in_order(found: Iterable[str], wanted: Sequence[str]) -> list[str]:
    """Returns the splits found, as the config lists them; those that it does not list come last."""
    return sorted(found, key=lambda split: wanted.index(split) if split in wanted else len(wanted))


def _config_text(record: RunRecord) -> str:
    try:
        return (record.run_dir / CONFIG_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _mapping(config_text: str) -> Mapping[str, Any]:
    try:
        config = read_yaml(config_text, CONFIG_FILE)
    except ValueError:
        return {}
    return config if isinstance(config, dict) else {}
