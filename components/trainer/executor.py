"""Runs `run_fn` as the stock Trainer does, with the path of the vocabulary among its arguments."""

from __future__ import annotations

import os
from typing import Any

from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import Artifact, artifact_utils

from components.artifact_files import VOCABULARY_FILE

VOCABULARY_KEY = "vocabulary"
VOCABULARY_FILE_KEY = "vocabulary_file"


class Executor(GenericExecutor):
    """The stock executor, whose `fn_args.custom_config["vocabulary_file"]` names the Vocabulary artifact's file."""

    def _GetFnArgs(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        vocabulary = artifact_utils.get_single_uri(input_dict[VOCABULARY_KEY])
        fn_args.custom_config = {
            **(fn_args.custom_config or {}),
            VOCABULARY_FILE_KEY: os.path.join(vocabulary, VOCABULARY_FILE),
        }
        return fn_args
