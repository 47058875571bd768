"""The stock Trainer with two more inputs, vocabulary and counts, which travel through channels as any artifact does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import trainer_pb2
from tfx.types import BaseChannel, Channel, component_spec, standard_artifacts, standard_component_specs
from tfx.utils import json_utils

from components import schema
from components.artifacts import RecordCounts, Vocabulary
from components.trainer.executor import COUNTS_KEY, OF_A_RUN, VOCABULARY_KEY, Executor


class AlignTrainerSpec(standard_component_specs.TrainerSpec):
    """The stock Trainer's interface, the inputs `vocabulary` and `counts`, and what the cache alone looks at."""

    PARAMETERS = {  # noqa: RUF012 - TFX's own form
        **standard_component_specs.TrainerSpec.PARAMETERS,
        "base_model_content": component_spec.ExecutionParameter(type=str),
        **{name: component_spec.ExecutionParameter(type=kind, optional=True) for name, kind in OF_A_RUN.items()},
    }
    INPUTS = {  # noqa: RUF012
        **standard_component_specs.TrainerSpec.INPUTS,
        VOCABULARY_KEY: component_spec.ChannelParameter(type=Vocabulary),
        COUNTS_KEY: component_spec.ChannelParameter(type=RecordCounts),
    }


class AlignTrainer(base_component.BaseComponent):
    """Train a dual encoder on the train split of Examples with a learnt vocabulary.

    Args:
      examples: channel of Examples.
      vocabulary: channel of a Vocabulary.
      counts: channel of the RecordCounts of the Examples.
      run_fn: dotted name of the function that trains; by name, since compiling a pipeline needs no model code.
      custom_config: what `run_fn` reads beside files: JSON values only.
      base_model_content: hash of what the model holds that training starts from; "" where it starts from none.
      of_the_run: settings of training -> the parameters of a run on a cluster that take their place; names of OF_A_RUN.

    Outputs:
      model: the SavedModel under Format-Serving.
      model_run: history.jsonl and the final weights.

    Examples:
      >>> inputs = [Channel(type=of) for of in (standard_artifacts.Examples, Vocabulary, RecordCounts)]
      >>> sorted(AlignTrainer(*inputs, run_fn="models.trainer.run_fn", custom_config={}).outputs)
      ['model', 'model_run']
    """

    SPEC_CLASS = AlignTrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        examples: BaseChannel,
        vocabulary: BaseChannel,
        counts: BaseChannel,
        run_fn: str,
        custom_config: Mapping[str, Any],
        base_model_content: str | Placeholder = "",
        of_the_run: Mapping[str, RuntimeParameter] | None = None,
    ) -> None:
        super().__init__(
            AlignTrainerSpec(
                examples=examples,
                vocabulary=vocabulary,
                counts=counts,
                run_fn=run_fn,
                train_args=trainer_pb2.TrainArgs(splits=[schema.TRAIN_SPLIT]),
                eval_args=trainer_pb2.EvalArgs(splits=[schema.TRAIN_SPLIT]),  # judging is the Evaluator's work
                custom_config=json_utils.dumps(dict(custom_config)),
                base_model_content=base_model_content,
                **(of_the_run or {}),
                model=Channel(type=standard_artifacts.Model),
                model_run=Channel(type=standard_artifacts.ModelRun),
            )
        )
