"""Reads the anomalies of all splits and stops the run on those of severity ERROR."""

from __future__ import annotations

import posixpath
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components.artifact_files import ANOMALIES_FILE
from components.beam import whole_files
from components.example_artifacts import Artifacts, split_names
from components.validation.anomalies import read_anomalies, refuse_errors


class Executor(base_executor.BaseExecutor):
    """Fail where there is an anomaly of severity ERROR."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Look at the anomalies and write nothing.

        Args:
          input_dict: "anomalies" (ExampleAnomalies).
          output_dict: nothing.
          exec_properties: "schema_file", the path of the curated schema, "" where it was inferred.

        Raises:
          ValueError: for what `refuse_errors` refuses.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        found = artifact_utils.get_single_instance(input_dict["anomalies"])
        anomalies = []
        for split in split_names(found):
            path = posixpath.join(artifact_utils.get_split_uri([found], split), ANOMALIES_FILE)
            anomalies += read_anomalies(whole_files.read_bytes(path), split)
        refuse_errors(anomalies, exec_properties["schema_file"] or None)
