"""Which component reads which files that the config names, beside what other components make."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping

from components.artifact_files import VOCABULARY_FILE
from components.component_ids import CURATED_SCHEMA, PAIR_FILTER, TRAINER, VOCABULARY
from components.vocabulary.config import VocabularyConfig
from tfx_pipeline.settings.config import Config


def paths_of(config: Config) -> Mapping[str, list[str]]:
    """Returns component -> the files and folders that it reads beside its inputs, which its cache must know."""
    named: dict[str, list[str | None]] = {
        CURATED_SCHEMA: [config.validation.schema],
        PAIR_FILTER: [model.path for model in config.filter.models],
        VOCABULARY: [vocabulary_of(config).file],
        TRAINER: [config.training.base_model],
    }
    return {of: [path for path in paths if path is not None] for of, paths in named.items()}


def vocabulary_of(config: Config) -> VocabularyConfig:
    """Returns what the Vocabulary component does: a base model's vocabulary is taken where none is named."""
    if config.training.base_model is None or config.vocabulary.file is not None:
        return config.vocabulary
    return dataclasses.replace(config.vocabulary, file=posixpath.join(config.training.base_model, VOCABULARY_FILE))
