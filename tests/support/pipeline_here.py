"""Runs the pipelines of `align run` in this process, which has loaded TFX, for tests of what a run leaves behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from absl import logging

from tfx_pipeline import local_runner, pipeline_process
from tfx_pipeline.runs.run_record import LOG_FILE


@dataclass
class PipelineHere:
    """Stands where the pipeline's process would, which has ended whenever somebody asks."""

    rerun: Sequence[str]
    status: int = 0

    def poll(self) -> int:
        return self.status


@contextmanager
def start(rerun: Sequence[str]) -> Iterator[PipelineHere]:
    """As `pipeline_process.start`."""
    yield PipelineHere(rerun)


def hand_over(pipeline: PipelineHere, run_dir: Path) -> None:
    """As `pipeline_process.hand_over`, but that the run is over behind it."""
    (run_dir / LOG_FILE).touch()
    verbosity = logging.get_verbosity()
    try:
        local_runner.run_folder(run_dir, pipeline.rerun)
    except Exception:
        pipeline.status = 1  # why is in the run's events
    finally:
        logging.set_verbosity(verbosity)


@contextmanager
def pipelines_here() -> Iterator[None]:
    """Have `align run` run its pipelines in this process, for a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_process, "start", start)
        patch.setattr(pipeline_process, "hand_over", hand_over)
        yield
