"""The body of `align ablate`: runs a sweep's rows one after another as pipelines, and keeps what each one measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from components.component_ids import EVALUATOR, TRAINER
from tfx_pipeline.ablation.page import PAGE_FILE, write_page
from tfx_pipeline.ablation.results import RESULTS_FILE, Ablation, Metrics, Outcome, read_outcomes, write_results
from tfx_pipeline.ablation.table import show
from tfx_pipeline.commands.run import run
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.runs.inputs import inputs_of
from tfx_pipeline.runs.run_record import RunRecord
from tfx_pipeline.runs.training_history import read_history
from tfx_pipeline.settings.config import Config, ConfigError, as_config_error, load
from tfx_pipeline.settings.sweeps import Row, Sweep, choose_row, read_sweep

ANY_DROP = 1.0  # of evaluation.max_drop_from_baseline: a row is no worse for being judged after another


def ablate(
    source: str, overrides: Mapping[str, str], sweep_source: str, chosen: Sequence[str], console: Console
) -> Ablation:
    """Run each row of a sweep over a config, and say what they measured.

    All rows are runs of one pipeline, NAME-SWEEP: what a row leaves unchanged, as a rule everything before the Trainer,
    comes from the cache. A row that finished in an earlier call, with the same config and the same files behind it, is
    not run again. One that fails loses no other.

    Args:
      source, overrides: of the config that the rows change, as `config.load` has them.
      sweep_source: a sweep's name or file.
      chosen: names of the rows to run; all where it is empty.
      console: where to show it.

    Returns:
      What became of each row.

    Raises:
      ConfigError: for what can be refused before anything starts.
    """
    with as_config_error():
        sweep = read_sweep(sweep_source)
        rows = [choose_row(sweep, name) for name in chosen] or list(sweep.rows.values())
    base = load(source, overrides)
    name = f"{base.name}-{sweep.name}"
    configs = {row.name: row_config(source, overrides, sweep, row) for row in rows}
    if all(isinstance(config, ConfigError) for config in configs.values()):
        raise next(config for config in configs.values() if isinstance(config, ConfigError))

    root = dataclasses.replace(base, name=name).root
    found = read_outcomes(root / RESULTS_FILE, sweep.rows.values())
    ablation = Ablation(name, sweep)

    def train(row: Row, config: Config) -> Outcome:
        return run_row(row, config, console)

    for outcome in outcomes_of(sweep, configs, found, inputs_of, train, console):
        found[outcome.row.name] = outcome
        ablation = Ablation(name, sweep, tuple(found[row] for row in sweep.rows if row in found))
        root.mkdir(parents=True, exist_ok=True)
        write_results(ablation, root / RESULTS_FILE)
        write_page(ablation, root)
    show(ablation, console)
    told = f"Results {root / RESULTS_FILE}\nPage    {root / PAGE_FILE}"
    console.print(told, soft_wrap=True, highlight=False, markup=False)
    return ablation


def outcomes_of(
    sweep: Sweep,
    configs: Mapping[str, Config | ConfigError],
    earlier: Mapping[str, Outcome],
    inputs: Callable[[Config], str],
    train: Callable[[Row, Config], Outcome],
    console: Console,
) -> Iterator[Outcome]:
    """Yield what becomes of each row that has a config or a reason for having none, as soon as it is known.

    Args:
      sweep: of the rows.
      configs: row name -> its config, or why it was refused.
      earlier: row name -> its outcome of an earlier call, which stands where it finished with the same config and
        files.
      inputs: returns the hash of the files behind a config.
      train: runs a row.
      console: where to say what is being done.
    """
    for number, (name, config) in enumerate(configs.items(), start=1):
        row = sweep.rows[name]
        console.print(
            Text.assemble((f"\n{sweep.name}/{name}", "bold"), f" ({number} of {len(configs)}): {row.changes}")
        )
        if isinstance(config, ConfigError):
            console.print(Text(f"refused: {config}", style="bold red"), soft_wrap=True)
            yield Outcome(row, error=str(config))
        elif name in earlier and earlier[name].answers(config, inputs):
            told = f"finished before, in {config.root / earlier[name].run}"
            console.print(told, soft_wrap=True, highlight=False, markup=False)
            yield dataclasses.replace(earlier[name], row=row)
        else:
            yield train(row, config)


def run_row(row: Row, config: Config, console: Console) -> Outcome:
    """Run one row's pipeline and return what it measured."""
    inputs = inputs_of(config)  # before they are read: what changes meanwhile is seen the next time
    return dataclasses.replace(outcome_of(row, config, run(config, console)), inputs=inputs)


def row_config(source: str, overrides: Mapping[str, str], sweep: Sweep, row: Row) -> Config | ConfigError:
    """Returns the config of one row, or why there is none."""
    try:
        base = load(source, overrides)
        config = load(source, {**overrides, **sweep.overrides(row)})
        return dataclasses.replace(
            config,
            name=f"{base.name}-{sweep.name}",
            output=base.output,
            evaluation=dataclasses.replace(config.evaluation, max_drop_from_baseline=ANY_DROP),
        )
    except ConfigError as error:
        return error


def outcome_of(row: Row, config: Config, record: RunRecord) -> Outcome:
    """Returns what a run that has ended says of its row."""
    outcome = Outcome(
        row,
        config=config.to_mapping(),
        run=str(record.run_dir.relative_to(record.root)),
        model=str(record.model or ""),
        training=_training(record),
    )
    if record.why_failed is not None:
        who = f"{record.failed.id}: " if record.failed else ""
        return dataclasses.replace(outcome, error=f"{who}{record.why_failed}")
    try:
        return dataclasses.replace(outcome, metrics=_metrics(record, config.evaluation.splits))
    except (OSError, ValueError) as error:
        return dataclasses.replace(outcome, error=f"{EVALUATOR}: its numbers cannot be read: {error}")


def _training(record: RunRecord) -> dict[str, float]:
    folder = record.output(TRAINER, "model_run")
    history = read_history(folder) if folder else []
    if not history:
        return {}
    last: Any = history[-1]
    return {"steps": last.step, "seconds": last.seconds, "loss": last.loss, "temperature": last.temperature}


def _metrics(record: RunRecord, splits: Sequence[str]) -> Metrics:
    folder: Path | None = record.output(EVALUATOR, "evaluation")
    if folder is None:
        raise ValueError("the run has no evaluation")
    with quiet_imports():
        from components.evaluator.stored.results import load_metrics  # imports TFMA

    found = load_metrics(str(folder))
    return {split: found[split] for split in splits if split in found}
