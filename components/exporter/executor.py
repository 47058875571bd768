"""Exporter as TFX runs it: the folder of weights inside a ModelRun becomes a Model."""

from __future__ import annotations

import json
import posixpath
from typing import Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import import_utils, path_utils

from components.artifact_files import MODEL_FOLDER
from components.example_artifacts import Artifacts
from serving.precision import SLOWER_HERE, is_slower_here

EXPORT, EXPORT_FN = "export", "export_fn"


class Executor(base_executor.BaseExecutor):
    """Has the named function write the model."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write the model where the Trainer writes its own.

        Args:
          input_dict: "model_run" (ModelRun).
          output_dict: "model" (Model).
          exec_properties: "export", {"precision", "max_image_pixels"} as JSON; "export_fn", a dotted name: (folder of
            weights, folder of the SavedModel, precision, max_image_pixels) -> None.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        export = json.loads(exec_properties[EXPORT])
        module, _, name = exec_properties[EXPORT_FN].rpartition(".")
        export_fn = import_utils.import_func_from_module(module, name)
        weights = posixpath.join(artifact_utils.get_single_uri(input_dict[specs.MODEL_RUN_KEY]), MODEL_FOLDER)
        model = artifact_utils.get_single_uri(output_dict[specs.MODEL_KEY])
        export_fn(weights, path_utils.serving_model_dir(model), export["precision"], export["max_image_pixels"])
        if is_slower_here(export["precision"]):
            logging.warning("The model is written, but %s", SLOWER_HERE)
