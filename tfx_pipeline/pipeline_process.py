"""The pipeline's process: imports TFX while the command that started it still checks, then runs what it is handed."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from components.beam.lean_import import without_clients
from tfx_pipeline.live.lifeline import end_with_parent, started
from tfx_pipeline.quick import quick_imports
from tfx_pipeline.runs.run_record import LOG_FILE

STDOUT, STDERR = 1, 2  # the descriptors: what C++ libraries say does not pass through sys.stdout


@contextlib.contextmanager
def start(rerun: Sequence[str]) -> Iterator[subprocess.Popen]:
    """Start the process for a block, which ends without a word where it is handed nothing before the block ends.

    Args:
      rerun: ids of components to run even where the cache has their result.
    """
    with (
        tempfile.TemporaryFile() as said,  # until there is a log
        started("tfx_pipeline.pipeline_process", *rerun, stdout=said, stderr=said, bufsize=0) as process,
    ):
        yield process


def hand_over(process: subprocess.Popen, run_dir: Path) -> None:
    """Have a started process run the config in a run's folder, and write its log there."""
    (run_dir / LOG_FILE).touch()
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # it has died, as `process.poll` says
            process.stdin.write(json.dumps(str(run_dir)).encode() + b"\n")


def _handed_over() -> Path | None:
    """Wait for a run's folder and say everything into its log from then on; None where there comes none."""
    line = sys.stdin.buffer.readline()
    if not line:
        return None
    run_dir = Path(json.loads(line))
    with (run_dir / LOG_FILE).open("ab") as log:
        log.write(os.pread(STDOUT, os.fstat(STDOUT).st_size, 0))
        log.flush()
        for descriptor in (STDOUT, STDERR):
            os.dup2(log.fileno(), descriptor)
    return run_dir


def main() -> None:
    """Run what comes on standard input: `python -m tfx_pipeline.pipeline_process [COMPONENT ...]`."""
    try:
        with quick_imports(), without_clients():
            from tfx_pipeline.local_runner import run_folder
        gc.freeze()  # what was imported is no garbage: looking for some in it takes a third of a second each time
    finally:  # where it cannot be imported, the log says why
        run_dir = _handed_over()
        if run_dir is None:
            sys.exit()
    end_with_parent()
    run_folder(run_dir, sys.argv[1:])


if __name__ == "__main__":
    main()
