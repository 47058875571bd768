"""ServingValidator: a candidate -> whether it may be served, before the Pusher makes it a version."""

from __future__ import annotations

import dataclasses
import json

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs

from components.serving_validator.config import ServingValidationConfig
from components.serving_validator.executor import CONFIG, FLOAT32_MODEL, MIN_COSINE, Executor


class ServingValidatorSpec(component_spec.ComponentSpec):
    """One config, as JSON, and what a model of another precision is held to; keys are those of TFX's InfraValidator."""

    PARAMETERS = {  # noqa: RUF012 - TFX's own form
        CONFIG: component_spec.ExecutionParameter(type=str),
        MIN_COSINE: component_spec.ExecutionParameter(type=float, optional=True),
    }
    INPUTS = {  # noqa: RUF012
        specs.MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        FLOAT32_MODEL: component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {specs.BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing)}  # noqa: RUF012


class ServingValidator(base_component.BaseComponent):
    """Serve a candidate in a process of its own, as `align serve` does, and hold what it answers to the model itself.

    TFX's InfraValidator needs Docker or a cluster, and asks whether a model answers at all. This one needs neither. A
    candidate is blessed when all of these hold:
      - the server loads it within `config.max_load_s`;
      - it has the signatures that clients and the Evaluator use;
      - batches of none, of one and of several are answered with the vectors of the same model in process, which are
        finite and of unit length;
      - where it is in another precision, each vector has a cosine of at least `min_cosine` to that in float32;
      - a broken picture is refused, and requests beside it are answered;
      - requests take no longer than `config.max_latency_ms`, where that is set.

    Output: `blessing` (InfraBlessing), with `serving_validation.json` in it: the reasons of a refusal, latencies, the
    time that loading took and the memory that the server held.

    Examples:
      >>> of = types.Channel(type=standard_artifacts.Model)
      >>> list(ServingValidator(ServingValidationConfig(), model=of).outputs)
      ['blessing']
    """

    SPEC_CLASS = ServingValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        config: ServingValidationConfig,
        *,
        model: types.BaseChannel,
        float32_model: types.BaseChannel | None = None,
        min_cosine: float | None = None,
    ) -> None:
        """Build the component.

        Args:
          config: what the candidate must do.
          model: the candidate, a SavedModel with the signatures of `serving.signatures`.
          float32_model: the same weights in float32, where the candidate computes in another precision.
          min_cosine: how near to it, where it is given.
        """
        super().__init__(
            spec=ServingValidatorSpec(
                serving_validation=json.dumps(dataclasses.asdict(config)),
                min_cosine=min_cosine,
                model=model,
                float32_model=float32_model,
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )
