"""PairFilter: Examples -> the Examples that the paper's rules keep, and a report of what each rule dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.types import component_spec, standard_artifacts

from components.artifacts import Captions, FilterReport, RecordCounts
from components.pair_filter.config import FilterConfig
from components.pair_filter.executor import Executor
from components.pair_filter.inputs import PAIRS, key_of_set


class PairFilterSpec(component_spec.ComponentSpec):
    """One config, as JSON, and a hash of what its models hold: the cache depends on these and on nothing else."""

    PARAMETERS = {  # noqa: RUF012 - TFX's own form
        "filter": component_spec.ExecutionParameter(type=str),
        "models": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        PAIRS: component_spec.ChannelParameter(type=standard_artifacts.Examples)
    }
    OUTPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "rejects": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "captions": component_spec.ChannelParameter(type=Captions),
        "counts": component_spec.ChannelParameter(type=RecordCounts),
        "report": component_spec.ChannelParameter(type=FilterReport),
    }

    @classmethod
    def with_sets(cls, names: Iterable[str]) -> type[PairFilterSpec]:
        """Returns the spec that also has an input for each of these evaluation sets."""
        sets = {key_of_set(name): component_spec.ChannelParameter(type=standard_artifacts.Examples) for name in names}
        return type(cls.__name__, (cls,), {"INPUTS": {**cls.INPUTS, **sets}})


class PairFilter(base_beam_component.BaseBeamComponent):
    """Drop images and captions by the rules of rules.py, and evaluation images from the train split.

    Outputs: `examples` (Examples with the splits of the input), `rejects` (Examples of what was dropped, with
    schema.DROP_RULE and schema.DROP_DETAIL; without splits unless `filter.keep_rejects`), `captions` (Captions of what
    is to be trained on), `counts` (RecordCounts of `examples`) and `report` (FilterReport).

    Examples:
      >>> pairs = types.Channel(type=standard_artifacts.Examples)
      >>> sorted(PairFilter(FilterConfig(), examples=pairs).outputs)
      ['captions', 'counts', 'examples', 'rejects', 'report']
    """

    SPEC_CLASS = PairFilterSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        config: FilterConfig,
        *,
        examples: types.BaseChannel,
        evaluation_examples: Mapping[str, types.BaseChannel] | None = None,
        models: str | Placeholder = "",
    ) -> None:
        """Build the component.

        Args:
          config: thresholds of the rules.
          examples: the pairs to filter.
          evaluation_examples: name of an evaluation set -> its images; their order means nothing.
          models: one word for what the models of the config hold.
        """
        sets = evaluation_examples or {}
        super().__init__(
            spec=PairFilterSpec.with_sets(sets)(
                filter=config.to_json(),
                models=models,
                **{PAIRS: examples},
                **{key_of_set(name): images for name, images in sets.items()},
                examples=types.Channel(type=standard_artifacts.Examples),
                rejects=types.Channel(type=standard_artifacts.Examples),
                captions=types.Channel(type=Captions),
                counts=types.Channel(type=RecordCounts),
                report=types.Channel(type=FilterReport),
            )
        )
