"""The pipeline's process: imports TFX while the command that started it still checks, then runs what it is handed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tfx_pipeline.live.lifeline import end_with_parent
from tfx_pipeline.runs.run_record import LOG_FILE

STDOUT, STDERR = 1, 2  # the descriptors: what C++ libraries say does not pass through sys.stdout


def start(rerun: Sequence[str]) -> subprocess.Popen:
    """Start the process, which ends without a word where it is handed nothing before its standard input ends.

    Args:
      rerun: ids of components to run even where the cache has their result.
    """
    with tempfile.TemporaryFile() as said:  # until there is a log
        return subprocess.Popen(
            [sys.executable, "-m", "tfx_pipeline.pipeline_process", *rerun],
            stdout=said,
            stderr=said,
            stdin=subprocess.PIPE,  # its end tells the process that this one is gone
            bufsize=0,
            start_new_session=True,  # Ctrl-C reaches this process alone, which then stops the other in order
        )


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
        from tfx_pipeline.local_runner import run_folder
    finally:  # where it cannot be imported, the log says why
        run_dir = _handed_over()
        if run_dir is None:
            sys.exit()
    end_with_parent()
    run_folder(run_dir, sys.argv[1:])


if __name__ == "__main__":
    main()
