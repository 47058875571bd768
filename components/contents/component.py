"""Contents: the files and folders that a part of the config names -> one word for what they hold now."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.contents.driver import Driver
from components.contents.executor import PATHS, Executor

CONTENT = "content"


class ContentsSpec(component_spec.ComponentSpec):
    """The paths, as JSON, and the word."""

    PARAMETERS = {PATHS: component_spec.ExecutionParameter(type=str)}  # noqa: RUF012 - TFX's own form
    INPUTS = {}  # noqa: RUF012
    OUTPUTS = {CONTENT: component_spec.ChannelParameter(type=standard_artifacts.String)}  # noqa: RUF012


class Contents(base_beam_component.BaseBeamComponent):
    """Look at what stands behind paths that a cache would know by their names alone, such as a base model's.

    Output: `content` (String): equal texts mean equal files.

    Examples:
      >>> list(Contents(["gs://bucket/model"]).outputs)
      ['content']
    """

    SPEC_CLASS = ContentsSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, paths: Sequence[str]) -> None:
        """Build the component.

        Args:
          paths: files and folders, or addresses of such.
        """
        super().__init__(
            spec=ContentsSpec(paths=json.dumps(list(paths)), content=types.Channel(type=standard_artifacts.String))
        )
