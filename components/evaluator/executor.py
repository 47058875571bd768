"""TFX's Evaluator, given the model to compare with as the folder of a pushed version."""

from __future__ import annotations

from typing import Any

from tfx.components.evaluator import executor
from tfx.types import Artifact, artifact_utils, standard_artifacts, standard_component_specs

from components.evaluator.stored.results import write_numbers

BASELINE = "baseline"


class Executor(executor.Executor):
    """Judges the candidate beside the version that the execution property "baseline" names; alone where that is ""."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Hand the version over as TFX's own input "baseline_model"; extractors.py says where its SavedModel lies."""
        if exec_properties[BASELINE]:
            version = standard_artifacts.Model()
            version.uri = exec_properties[BASELINE]
            input_dict = {**input_dict, standard_component_specs.BASELINE_MODEL_KEY: [version]}
        super().Do(input_dict, output_dict, exec_properties)
        write_numbers(artifact_utils.get_single_uri(output_dict[standard_component_specs.EVALUATION_KEY]))
