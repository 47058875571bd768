"""PairFilter as TFX runs it: artifacts in the place of the folders of `filter_job`."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils

from components.example_artifacts import Artifacts, describe, evaluation_set, files_of_splits, split_names
from components.pair_filter.config import FilterConfig
from components.pair_filter.inputs import PAIRS, sets_among
from components.pair_filter.passes.filter_job import Outputs, refuse_empty_train, rejected_splits, run_filter


class Executor(base_beam_executor.BaseBeamExecutor):
    """Filter all splits and report what each rule dropped."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write the filtered Examples and the report.

        Args:
          input_dict: "unfiltered_examples" (Examples) and, where there are evaluation sets, of which no image may be in
            the train split, each one's Examples under its key of inputs.py.
          output_dict: "examples" (Examples), "rejects" (Examples, empty unless asked for), "captions" (Captions),
            "counts" (RecordCounts) and "report" (FilterReport).
          exec_properties: "filter", a FilterConfig as JSON.

        Raises:
          ValueError: where a split to filter does not exist, or nothing is left to train on.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = FilterConfig.from_json(exec_properties["filter"])
        source = artifact_utils.get_single_instance(input_dict[PAIRS])
        made = {name: artifact_utils.get_single_instance(output_dict[name]) for name in Outputs._fields}
        describe(made["examples"], split_names(source))
        describe(made["rejects"], rejected_splits(config))
        counts = run_filter(
            self._make_beam_pipeline,
            config,
            files_of_splits(source),
            [(evaluation_set(of), files_of_splits(of)) for of in sets_among(input_dict)],
            Outputs(**{name: of.uri for name, of in made.items()}),
        )
        for name, total in counts.totals().items():
            made["report"].set_int_custom_property(name, total)
        refuse_empty_train(counts, config)
