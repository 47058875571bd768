"""Exporter: trained weights -> the model as it is served, where that is not as training writes it."""

from __future__ import annotations

import json

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import BaseChannel, Channel, component_spec, standard_artifacts
from tfx.types import standard_component_specs as specs

from components.exporter.config import ExportConfig
from components.exporter.executor import EXPORT, EXPORT_FN, Executor


class ExporterSpec(component_spec.ComponentSpec):
    """What to write, as JSON, and the function that does."""

    PARAMETERS = {  # noqa: RUF012 - TFX's own form
        EXPORT: component_spec.ExecutionParameter(type=str),
        EXPORT_FN: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {specs.MODEL_RUN_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelRun)}  # noqa: RUF012
    OUTPUTS = {specs.MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012


class Exporter(base_component.BaseComponent):
    """Write the SavedModel of trained weights anew, in the precision in which it is served.

    Output: `model` (Model), laid out as the Trainer's.

    Examples:
      >>> run = Channel(type=standard_artifacts.ModelRun)
      >>> half = ExportConfig(precision="bfloat16")
      >>> list(Exporter(half, model_run=run, export_fn="models.saving.halves.export_anew", max_image_pixels=9).outputs)
      ['model']
    """

    SPEC_CLASS = ExporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, config: ExportConfig, *, model_run: BaseChannel, export_fn: str, max_image_pixels: int) -> None:
        """Build the component.

        Args:
          config: in which precision.
          model_run: the Trainer's.
          export_fn: dotted name of the function that writes; by name, since compiling a pipeline needs no model code.
          max_image_pixels: above which the model refuses an image.
        """
        export = {"precision": config.precision, "max_image_pixels": max_image_pixels}
        super().__init__(
            spec=ExporterSpec(
                model_run=model_run,
                export=json.dumps(export),
                export_fn=export_fn,
                model=Channel(type=standard_artifacts.Model),
            )
        )
