"""Our pipeline with executors that do next to nothing: TFX's own drivers, caches and ML Metadata, in a second a run."""

from __future__ import annotations

import json
from pathlib import Path

from tfx.components.evaluator import constants
from tfx.dsl.components.base import base_executor, executor_spec
from tfx.orchestration.pipeline import Pipeline

from components.artifact_files import MODEL_FILE, MODEL_FOLDER
from components.lookup import LookupDriver
from tfx_pipeline.pipeline import create_pipeline

REFUSED, BROKEN = 100, 200  # seeds from which on a model is not blessed, from which on judging fails


class Quick(base_executor.BaseExecutor):
    """Leaves what looking up needs: the Trainer's model folder, the Exporter's model, the Evaluator's verdict."""

    def Do(self, input_dict, output_dict, exec_properties):
        if "model_run" in output_dict:
            seed = json.loads(exec_properties["custom_config"])["training"]["seed"]
            Path(output_dict["model"][0].uri, "seed").write_text(str(seed))
            folder = Path(output_dict["model_run"][0].uri) / MODEL_FOLDER
            folder.mkdir(parents=True)
            (folder / MODEL_FILE).write_text("{}")
        if "model_run" in input_dict and "model" in output_dict:
            Path(output_dict["model"][0].uri, "seed").write_text("0")
        if "blessing" in output_dict:
            (model,), (blessing,) = input_dict["model"], output_dict["blessing"]
            seed = int(Path(model.uri, "seed").read_text())
            if seed >= BROKEN:
                raise ValueError("no verdict")
            blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, model.id)
            blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, int(seed < REFUSED))


def quick_pipeline(*args, **kwargs) -> Pipeline:
    """Build what `create_pipeline` builds, quick but for what looks up; local_runner.py gets it instead."""
    pipeline = create_pipeline(*args, **kwargs)
    for component in pipeline.components:
        if not issubclass(component.driver_class, LookupDriver):
            component.executor_spec = executor_spec.ExecutorClassSpec(Quick)
    return pipeline
