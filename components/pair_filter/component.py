"""PairFilter: Examples -> the Examples that the paper's rules keep, and a report of what each rule dropped."""

from __future__ import annotations

import dataclasses
import json

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.artifacts import FilterReport
from components.pair_filter.config import FilterConfig
from components.pair_filter.executor import Executor


class PairFilterSpec(component_spec.ComponentSpec):
    """One config, as JSON: the cache depends on each of its fields and on nothing else."""

    PARAMETERS = {"filter": component_spec.ExecutionParameter(type=str)}  # noqa: RUF012 - TFX's own form
    INPUTS = {  # noqa: RUF012
        "unfiltered_examples": component_spec.ChannelParameter(type=standard_artifacts.Examples)
    }
    OUTPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "report": component_spec.ChannelParameter(type=FilterReport),
    }


class PairFilter(base_beam_component.BaseBeamComponent):
    """Drop images and captions by the rules of rules.py, and images of the evaluation splits from the train split.

    Outputs: `examples` (Examples with the splits of the input) and `report` (FilterReport).
    """

    SPEC_CLASS = PairFilterSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, config: FilterConfig, *, examples: types.BaseChannel) -> None:
        super().__init__(
            spec=PairFilterSpec(
                filter=json.dumps(dataclasses.asdict(config)),
                unfiltered_examples=examples,
                examples=types.Channel(type=standard_artifacts.Examples),
                report=types.Channel(type=FilterReport),
            )
        )
