"""Gives the file systems of a process Beam's arguments, such as where a server answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions


def use_options(arguments: Sequence[Any]) -> None:
    """Give the file systems of this process Beam's arguments, which Beam does by itself only once a pipeline starts.

    Where there are none, the file systems keep those that they have.
    """
    if arguments:
        FileSystems.set_options(PipelineOptions(list(arguments)))
