"""The body of `align filter`: what each rule of the filter would drop, in a folder that is gone afterwards."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from components.artifact_files import FILTER_REPORT_FILE, INGEST_REPORT_FILE
from components.beam.lean_import import without_clients
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.passes.training_decoder import decode_as_training_does
from tfx_pipeline.commands.dry_run_table import DryRun, show
from tfx_pipeline.live.lifeline import end_with_parent, started
from tfx_pipeline.quick import quick_imports
from tfx_pipeline.runs.run_record import LOG_FILE
from tfx_pipeline.settings.config import Config, ConfigError, build
from tfx_pipeline.wording import counted

CONFIG_FILE = "config.json"
RESULT_FILE = "result.json"


def dry_run(config: Config, sample: int | None, console: Console) -> None:
    """Filter a sample of the data, or all of it, and print what each rule drops.

    It runs on this machine, whatever runner `beam` names, in a process of its own: what its libraries say is not shown,
    and when this process ends it ends too. The images are written to a temporary folder meanwhile.

    Args:
      config: what to read and how to filter.
      sample: about how many records to read of the data, and at most of each evaluation set; None for all.
      console: where to print the table.

    Raises:
      ConfigError: where there is nothing to show, or the filter leaves nothing to train on.
    """
    if sample is not None and sample < 1:
        raise ConfigError(f"--sample is {sample}; it must be at least 1, or be left out for all of the data")
    with _exit_on_signals(), tempfile.TemporaryDirectory(prefix="align-filter-") as name:
        folder = Path(name)
        (folder / CONFIG_FILE).write_text(json.dumps(limited(config, sample).to_mapping()), encoding="utf-8")
        what = "all pairs" if sample is None else f"a sample of {counted(sample, 'pair')}"
        with console.status(f"Filtering {what}"):
            result = _run_apart(folder)
    if "filter" in result:
        show(DryRun(sample, result["ingest"], result["filter"], result["evaluation_sets"]), console)
    if "error" in result:
        raise ConfigError(result["error"])


def limited(config: Config, sample: int | None) -> Config:
    """Returns a config that reads at most so many records of the data, and of each evaluation set."""
    if sample is None:
        return config

    def limit(read: IngestConfig) -> Any:
        return dataclasses.replace(read, sample=min(sample, read.sample or sample))

    sets = {name: limit(read) for name, read in config.evaluation_sets.items()}
    return dataclasses.replace(config, ingest=limit(config.ingest), evaluation_sets=sets)


@contextmanager
def _exit_on_signals() -> Iterator[None]:
    """Let a signal that would end this process at once end it in order, so that what it wrote is removed."""

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_apart(folder: Path) -> Mapping[str, Any]:
    """Returns what the process that does the work found out, or why it could not."""
    environment = {**os.environ, "TMPDIR": str(folder)}  # Beam and TensorFlow leave files there
    with (
        (folder / LOG_FILE).open("wb") as log,
        started("tfx_pipeline.commands.dry_run", str(folder), stdout=log, stderr=log, env=environment) as child,
    ):
        status = child.wait()
    if (folder / RESULT_FILE).is_file():
        return json.loads((folder / RESULT_FILE).read_text(encoding="utf-8"))
    said = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise ConfigError(
        f"the process that filters ended with status {status} ({said[-1].strip() if said else 'it said nothing'}); "
        "a smaller --sample takes less memory"
    )


def filter_into(folder: Path, config: Config) -> dict[str, Any]:
    """Ingest and filter into a folder.

    Returns:
      "ingest" and "filter": the reports; "evaluation_sets": name -> images; "error" where the filter left nothing.

    Raises:
      ValueError: where there is nothing to filter, or a model cannot be asked.
    """
    with quick_imports(), without_clients():
        from components.beam.file_system_options import use_options
        from components.pair_example_gen.storage.file_systems import local_pipeline
        from components.pair_example_gen.storage.shards import check_shards

    file_systems = config.beam.file_system_args()
    use_options(file_systems)
    for read in (config.ingest, *config.evaluation_sets.values()):
        check_shards(read)

    with quick_imports():
        from components.files.example_files import list_split
        from components.pair_example_gen.passes.ingest_job import refuse_empty, run_ingest
        from components.pair_filter.passes.filter_job import FilesOfSplits, Outputs, refuse_empty_train, run_filter

    make_pipeline = functools.partial(local_pipeline, file_systems)

    def ingest(read: IngestConfig) -> tuple[FilesOfSplits, dict]:
        examples, report = (str(folder / read.section / of) for of in ("examples", "report"))
        counts = run_ingest(make_pipeline, read, decode_as_training_does, examples=examples, report=report)
        refuse_empty(counts, read)
        return {split: list_split(examples, split) for split in read.split_names}, _read(report, INGEST_REPORT_FILE)

    found: dict[str, Any] = {"evaluation_sets": {}}
    sets = []
    for name, read in config.evaluation_sets.items():
        files, report = ingest(read)
        sets.append((name, files))
        found["evaluation_sets"][name] = sum(split["images"]["kept"] for split in report["splits"].values())
    pairs, found["ingest"] = ingest(config.ingest)
    outputs = Outputs(*(str(folder / of) for of in Outputs._fields))
    counts = run_filter(make_pipeline, config.filter, pairs, sets, outputs)
    try:
        refuse_empty_train(counts, config.filter)
    except ValueError as error:
        found["error"] = str(error)  # what dropped everything is what the user wants to see
    return {**found, "filter": _read(outputs.report, FILTER_REPORT_FILE)}


def _read(folder: str, file: str) -> dict:
    return json.loads((Path(folder) / file).read_text(encoding="utf-8"))


def _in_one_line(error: Exception) -> str:
    """Returns what a user can make of an exception; Beam adds to each in which of its stages it was raised."""
    said = re.sub(r" \[while running .*", "", str(error), flags=re.DOTALL).strip()
    line = next((line.strip() for line in said.splitlines() if line.strip()), "")
    return line if line and isinstance(error, ValueError) else f"the dry run failed: {type(error).__name__}: {line}"


def main() -> None:
    """Filter what a prepared folder's config names: `python -m tfx_pipeline.commands.dry_run FOLDER`."""
    end_with_parent()
    folder = Path(sys.argv[1])
    config = build(json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")))
    try:
        result = filter_into(folder, config)
    except Exception as error:  # whatever it is, the user gets it in one line
        result = {"error": _in_one_line(error)}
    (folder / RESULT_FILE).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
