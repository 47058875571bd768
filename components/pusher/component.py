"""The stock Pusher with an executor of ours: a blessed model -> `<push folder>/<version>/`, whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

from tfx.dsl.components.base import base_component, executor_spec
from tfx.proto import pusher_pb2
from tfx.types import BaseChannel, Channel, component_spec, standard_artifacts, standard_component_specs

from components.artifacts import FilterReport, IngestReport, Vocabulary
from components.pusher.config import CardConfig
from components.pusher.executor import STATED, Executor

_OF_THE_CARD = {
    "ingest_report": IngestReport,
    "filter_report": FilterReport,
    "vocabulary": Vocabulary,
    "model_run": standard_artifacts.ModelRun,
    "evaluation": standard_artifacts.ModelEvaluation,
}


class PusherSpec(standard_component_specs.PusherSpec):
    """The stock Pusher's interface, what the config says for the card, as JSON, and what the card is made of."""

    PARAMETERS = {  # noqa: RUF012 - TFX's own form
        **standard_component_specs.PusherSpec.PARAMETERS,
        STATED: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        **standard_component_specs.PusherSpec.INPUTS,
        **{name: component_spec.ChannelParameter(type=of, optional=True) for name, of in _OF_THE_CARD.items()},
    }


class Pusher(base_component.BaseComponent):
    """Copy a blessed model to where servers look for versions, with its card.

    Output: `pushed_model` (PushedModel).

    Examples:
      >>> from tfx.proto.pusher_pb2 import PushDestination
      >>> to = PushDestination(filesystem=PushDestination.Filesystem(base_directory="output/mine/serving_models/align"))
      >>> model = Channel(type=standard_artifacts.Model)
      >>> sorted(Pusher(CardConfig(), "mine", model=model, push_destination=to).outputs)
      ['pushed_model']
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        card: CardConfig,
        name: str,
        *,
        model: BaseChannel,
        push_destination: pusher_pb2.PushDestination,
        model_blessing: BaseChannel | None = None,
        infra_blessing: BaseChannel | None = None,
        sources: Mapping[str, str] | None = None,
        told: Mapping[str, BaseChannel] | None = None,
    ) -> None:
        """Build the component.

        Args:
          card: what a person says of the model.
          name: what the card calls it.
          model: the Trainer's.
          push_destination: the folder that receives <version>/.
          model_blessing: the Evaluator's.
          infra_blessing: the ServingValidator's.
          sources: of the card: name of a set -> where it lies.
          told: what the card is made of: "ingest_report", "filter_report", "vocabulary", "model_run", "evaluation".
        """
        stated = {"name": name, "card": dataclasses.asdict(card), "sources": dict(sources or {})}
        super().__init__(
            spec=PusherSpec(
                model=model,
                model_blessing=model_blessing,
                infra_blessing=infra_blessing,
                push_destination=push_destination,
                stated=json.dumps(stated),
                **(told or {}),
                pushed_model=Channel(type=standard_artifacts.PushedModel),
            )
        )
