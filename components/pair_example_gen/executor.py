"""PairExampleGen as TFX runs it: artifacts in the place of the folders of `ingest_job`."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from components import example_artifacts
from components.beam.file_system_options import use_options
from components.pair_example_gen.config import EvaluationSetConfig, read_config
from components.pair_example_gen.passes.ingest_job import refuse_empty, run_ingest
from components.pair_example_gen.passes.training_decoder import decode_as_training_does


class Executor(base_beam_executor.BaseBeamExecutor):
    """Ingest all shards and report what was read, kept and dropped."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the Examples and the report.

        Args:
          input_dict: empty.
          output_dict: "examples" (Examples) and "report" (IngestReport).
          exec_properties: "ingest", an IngestConfig as JSON.

        Raises:
          ValueError: where there are no shards, or the train split, or all of an evaluation set, ends up empty.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = read_config(exec_properties["ingest"])
        use_options(self._beam_pipeline_args)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        report = artifact_utils.get_single_instance(output_dict["report"])
        example_artifacts.describe(examples, config.split_names)
        if isinstance(config, EvaluationSetConfig):
            example_artifacts.name_evaluation_set(examples, config.name)
        counts = run_ingest(
            self._make_beam_pipeline, config, decode_as_training_does, examples=examples.uri, report=report.uri
        )
        for name, total in counts.totals().items():
            report.set_int_custom_property(name, total)
        refuse_empty(counts, config)
