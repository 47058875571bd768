"""PairFilter: Examples -> the Examples that the paper's rules keep, and a report of what each rule dropped."""

from __future__ import annotations

from collections.abc import Sequence

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import channel_utils, component_spec, standard_artifacts

from components.artifacts import FilterReport
from components.pair_filter.config import FilterConfig
from components.pair_filter.executor import Executor


class PairFilterSpec(component_spec.ComponentSpec):
    """One config, as JSON: the cache depends on each of its fields and on nothing else."""

    PARAMETERS = {"filter": component_spec.ExecutionParameter(type=str)}  # noqa: RUF012 - TFX's own form
    INPUTS = {  # noqa: RUF012
        "unfiltered_examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "evaluation_examples": component_spec.ChannelParameter(type=standard_artifacts.Examples, optional=True),
    }
    OUTPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "rejects": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "report": component_spec.ChannelParameter(type=FilterReport),
    }


class PairFilter(base_beam_component.BaseBeamComponent):
    """Drop images and captions by the rules of rules.py, and evaluation images from the train split.

    Outputs: `examples` (Examples with the splits of the input), `rejects` (Examples of what was dropped, with
    schema.DROP_RULE and schema.DROP_DETAIL; without splits unless `filter.keep_rejects`) and `report` (FilterReport).
    """

    SPEC_CLASS = PairFilterSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        config: FilterConfig,
        *,
        examples: types.BaseChannel,
        evaluation_examples: Sequence[types.BaseChannel] = (),
    ) -> None:
        inputs = {"unfiltered_examples": examples}
        if evaluation_examples:
            # Vertex takes no union, and one alone needs none.
            several = len(evaluation_examples) > 1
            inputs["evaluation_examples"] = (
                channel_utils.union(evaluation_examples) if several else evaluation_examples[0]
            )
        super().__init__(
            spec=PairFilterSpec(
                filter=config.to_json(),
                **inputs,
                examples=types.Channel(type=standard_artifacts.Examples),
                rejects=types.Channel(type=standard_artifacts.Examples),
                report=types.Channel(type=FilterReport),
            )
        )
