"""BaselineModel: a candidate -> the last blessed model that was pushed before it."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.evaluator.baseline.driver import Driver
from components.evaluator.baseline.executor import CANDIDATE, PUSHED_MODELS, Executor

VERSION = "version"


class BaselineModelSpec(component_spec.ComponentSpec):
    """The candidate, the Pusher's folder, and the version found there."""

    PARAMETERS = {PUSHED_MODELS: component_spec.ExecutionParameter(type=str)}  # noqa: RUF012 - TFX's own form
    INPUTS = {CANDIDATE: component_spec.ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012
    OUTPUTS = {VERSION: component_spec.ChannelParameter(type=standard_artifacts.String)}  # noqa: RUF012


class BaselineModel(base_beam_component.BaseBeamComponent):
    """Find the model to compare a candidate with, by what the Pusher wrote: only blessed models are in its folder.

    Output: `version` (String): folder of the version; "" where no model was pushed before the candidate.
    """

    SPEC_CLASS = BaselineModelSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, candidate: types.BaseChannel, *, pushed_models: str) -> None:
        """Build the component.

        Args:
          candidate: the Trainer's output "model".
          pushed_models: folder or address where the Pusher puts its versions.
        """
        super().__init__(
            spec=BaselineModelSpec(
                candidate=candidate, pushed_models=pushed_models, version=types.Channel(type=standard_artifacts.String)
            )
        )
