"""The sharded Evaluator as TFX runs it: artifacts in the place of folders, and the verdict as TFX's own leaves it."""

from __future__ import annotations

import posixpath
from typing import Any

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import config_util
from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import json_utils, path_utils, proto_utils

from components.beam import whole_files
from components.evaluator.beam.extractors import zero_shot_metric
from components.evaluator.executor import BASELINE
from components.evaluator.sharded.passes.evaluate_job import Question, evaluate, write
from components.evaluator.stored.results import write_numbers
from components.example_artifacts import Artifacts, files_of_splits
from components.files.publishing import aside_folder, clear_aside


class Executor(base_beam_executor.BaseBeamExecutor):
    """Judges the candidate beside the version that the execution property "baseline" names; alone where that is ""."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write the evaluation and the verdict.

        Args:
          input_dict: "examples" (Examples) and "model" (Model).
          output_dict: "evaluation" (ModelEvaluation) and "blessing" (ModelBlessing).
          exec_properties: "eval_config", "example_splits" and "baseline", as AlignEvaluator gives them.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict[specs.EXAMPLES_KEY])
        candidate = artifact_utils.get_single_instance(input_dict[specs.MODEL_KEY])
        evaluation = artifact_utils.get_single_uri(output_dict[specs.EVALUATION_KEY])
        baseline = exec_properties[BASELINE]
        config = config_util.update_eval_config_with_defaults(
            proto_utils.json_to_proto(exec_properties[specs.EVAL_CONFIG_KEY], config_pb2.EvalConfig()),
            has_baseline=bool(baseline),
            rubber_stamp=True,  # as TFX's own has it: a first model has nothing to fall below
        )
        names = [model.name for model in config.model_specs]
        folders = [path_utils.serving_model_path(candidate.uri), *([baseline] if baseline else [])]
        asking = zero_shot_metric(config)
        splits = json_utils.loads(exec_properties[specs.EXAMPLE_SPLITS_KEY])
        files = {split: of for split, of in files_of_splits(examples).items() if split in splits}
        with self._make_beam_pipeline() as pipeline:
            question = Question(asking.prompts, asking.class_names, asking.slices)
            numbers = evaluate(pipeline, files, folders, question, aside_folder(evaluation))
            write(numbers, config, dict(zip(names, folders, strict=True)), evaluation)
        clear_aside(evaluation)
        write_numbers(evaluation)
        self._bless(input_dict, output_dict, exec_properties, tfma.load_validation_result(evaluation).validation_ok)

    def _bless(
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any], is_blessed: bool
    ) -> None:
        """Leave the verdict where the Pusher looks for it."""
        (candidate,) = input_dict[specs.MODEL_KEY]
        blessing = artifact_utils.get_single_instance(output_dict[specs.BLESSING_KEY])
        blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, candidate.uri)
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, candidate.id)
        if exec_properties[BASELINE]:
            key = constants.ARTIFACT_PROPERTY_BASELINE_MODEL_URI_KEY
            blessing.set_string_custom_property(key, exec_properties[BASELINE])
        name, value = (
            (constants.BLESSED_FILE_NAME, constants.BLESSED_VALUE)
            if is_blessed
            else (constants.NOT_BLESSED_FILE_NAME, constants.NOT_BLESSED_VALUE)
        )
        whole_files.write_text(posixpath.join(blessing.uri, name), "")
        blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, value)
