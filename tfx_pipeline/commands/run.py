"""The body of `align run`: checks what can be checked at once, starts the pipeline, shows it, says how it ended."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from components.beam.lean_import import without_clients
from components.pair_filter.config import FilterConfig
from tfx_pipeline import pipeline_process
from tfx_pipeline.files import write_file
from tfx_pipeline.live.lifeline import stopped
from tfx_pipeline.live.live_view import follow
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.rerun import check_rerun
from tfx_pipeline.runs.base_model import resolve_base_model
from tfx_pipeline.runs.folders import RUNS
from tfx_pipeline.runs.moved import notice
from tfx_pipeline.runs.run_record import CONFIG_FILE, RunRecord
from tfx_pipeline.settings.config import Config, ConfigError, as_config_error
from tfx_pipeline.settings.results_folder import check_results_folder
from tfx_pipeline.settings.yaml_text import write_yaml


def run(config: Config, console: Console, rerun: Sequence[str] = ()) -> RunRecord:
    """Run a pipeline to its end in a process of its own, so that its libraries' noise goes to the log file.

    Args:
      config: what to run.
      console: where to show it.
      rerun: ids of components to run even where the cache has their result.

    Returns:
      The record of the run, whatever its end.

    Raises:
      ConfigError: for what can be refused before anything starts.
    """
    check_rerun(rerun, config)
    with pipeline_process.start(rerun) as child:  # which imports for seconds what the checks do not need
        config = resolve_base_model(config, console)
        check(config)
        with _only_run(config.root), stopped(child):  # so that no other run begins before the child has ended
            if moved := notice(config.root):
                console.print(moved, style="yellow", markup=False, highlight=False, soft_wrap=True)
            run_dir = _new_run_dir(config.root)
            write_file(run_dir / CONFIG_FILE, write_yaml(config.to_mapping()).encode(), str(run_dir / CONFIG_FILE))
            pipeline_process.hand_over(child, run_dir)
            return follow(run_dir, child.poll, console)


def check(config: Config) -> None:
    """Refuse what needs no pipeline to be found wrong: the files to read, the Beam options, the output folder."""
    with quiet_imports(), without_clients():  # Beam takes seconds to import; --help must not
        from components.beam.file_system_options import use_options
        from components.beam.options import check_beam_options
        from components.pair_example_gen.storage.shards import check_shards
        from components.validation.schema_file import check_schema

    with as_config_error():
        check_beam_options(config.beam.options, config.beam.runner)
        use_options(config.beam.file_system_args())
        for read in (config.ingest, *config.evaluation_sets.values()):
            check_shards(read)
        if config.validation.schema is not None:
            check_schema(config.validation.schema)
        _check_models(config.filter)
    check_results_folder(str(config.root.resolve()), f"output is {config.output!r}")
    try:
        config.root.mkdir(parents=True, exist_ok=True)
        probe = config.root / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(
            f"output is {config.output!r}, but {config.root} cannot be written ({error.strerror}); "
            "set output to a folder of yours"
        ) from error


def _check_models(config: FilterConfig) -> None:
    """Refuse a model of the filter's that is missing or does not take such images, where one is configured."""
    if not (config.unsafe or config.neighbours):
        return
    with quiet_imports():  # TensorFlow
        from components.pair_filter.image_models.handlers import check_embedder, check_scorer
    if config.unsafe:
        check_scorer(config.unsafe.model)
    if config.neighbours:
        check_embedder(config.neighbours.model)


@contextmanager
def _only_run(root: Path) -> Iterator[None]:
    """Hold the pipeline's folder: two runs at once would share one metadata store."""
    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"{root} is in use by another align run; wait for it, or set another output or name"
            ) from error
        yield


def _new_run_dir(root: Path) -> Path:
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S")
    for attempt in range(100):
        run_dir = root / RUNS / (stamp if not attempt else f"{stamp}-{attempt}")
        try:
            run_dir.mkdir(parents=True)
        except FileExistsError:
            continue
        return run_dir
    raise ConfigError(f"{root / RUNS} already holds 100 runs of {stamp}; wait a second")
