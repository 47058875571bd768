"""Runs `run_fn` as the stock Trainer does, with the paths of the vocabulary and of the counts among its arguments."""

from __future__ import annotations

import posixpath
from typing import Any

from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.types import artifact_utils

from components import schema
from components.artifact_files import CHECKPOINTS_FOLDER, RECORD_COUNTS_FILE, VOCABULARY_FILE, split_folder
from components.example_artifacts import Artifacts

VOCABULARY_KEY = "vocabulary"
VOCABULARY_FILE_KEY = "vocabulary_file"
COUNTS_KEY = "counts"
MODEL_RUN_KEY = "model_run"
RECORD_COUNTS_FILE_KEY = "record_counts_file"
TRAINING_KEY = "training"
CHECKPOINTS_KEY = "checkpoints"
# Settings of training that a run may be given where it is started, beside the compiled ones: neither the graph of the
# pipeline nor the shape of the model hangs on them.
OF_A_RUN = {
    "steps": int,
    "warmup_steps": int,
    "batch": int,
    "learning_rate": float,
    "weight_decay": float,
    "seed": int,
}


class Executor(GenericExecutor):
    """The stock executor, whose `fn_args.custom_config` names two more files.

    "vocabulary_file" is the Vocabulary artifact's file, "record_counts_file" the RecordCounts artifact's table of the
    train split. In "training" stands what the run was given in the place of what the pipeline was built with. Where the
    pipeline was built with no "checkpoints", they lie in the folder of all artifacts, whose path is no part of the key
    in TFX's cache.
    """

    def _GetFnArgs(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> FnArgs:
        fn_args = super()._GetFnArgs(input_dict, output_dict, exec_properties)
        vocabulary = artifact_utils.get_single_uri(input_dict[VOCABULARY_KEY])
        counts = artifact_utils.get_single_uri(input_dict[COUNTS_KEY])
        model_run = artifact_utils.get_single_uri(output_dict[MODEL_RUN_KEY])
        artifacts = model_run.rsplit("/", 3)[0]  # <artifacts>/<component>/<output key>/<execution>
        config = fn_args.custom_config or {}
        given = {name: exec_properties[name] for name in OF_A_RUN if exec_properties.get(name) is not None}
        fn_args.custom_config = {
            **config,
            **({TRAINING_KEY: {**config.get(TRAINING_KEY, {}), **given}} if given else {}),
            CHECKPOINTS_KEY: config.get(CHECKPOINTS_KEY) or posixpath.join(artifacts, CHECKPOINTS_FOLDER),
            VOCABULARY_FILE_KEY: posixpath.join(vocabulary, VOCABULARY_FILE),
            RECORD_COUNTS_FILE_KEY: posixpath.join(counts, split_folder(schema.TRAIN_SPLIT), RECORD_COUNTS_FILE),
        }
        return fn_args
