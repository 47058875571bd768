"""VocabularyLearner: the filtered captions of the train split -> a word-piece vocabulary."""

from __future__ import annotations

import dataclasses
import json

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.types import component_spec

from components.artifacts import Captions, Vocabulary
from components.component_ids import VOCABULARY
from components.vocabulary.config import VocabularyConfig
from components.vocabulary.executor import Executor


class VocabularyLearnerSpec(component_spec.ComponentSpec):
    """One config, as JSON, and one word for what its file holds, which the cache alone looks at."""

    PARAMETERS = {  # noqa: RUF012 - TFX's own form
        "vocabulary_config": component_spec.ExecutionParameter(type=str),
        "content": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {"captions": component_spec.ChannelParameter(type=Captions)}  # noqa: RUF012
    OUTPUTS = {"vocabulary": component_spec.ChannelParameter(type=Vocabulary)}  # noqa: RUF012


class VocabularyLearner(base_beam_component.BaseBeamComponent):
    """Learn word pieces from the captions that are to be trained on; its id in a pipeline is "Vocabulary".

    Output: `vocabulary` (Vocabulary).

    Examples:
      >>> VocabularyLearner(VocabularyConfig(), captions=types.Channel(type=Captions)).id
      'Vocabulary'
    """

    SPEC_CLASS = VocabularyLearnerSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self, config: VocabularyConfig, *, captions: types.BaseChannel, content: str | Placeholder = ""
    ) -> None:
        super().__init__(
            spec=VocabularyLearnerSpec(
                vocabulary_config=json.dumps(dataclasses.asdict(config)),
                content=content,
                captions=captions,
                vocabulary=types.Channel(type=Vocabulary),
            )
        )
        self.with_id(VOCABULARY)
