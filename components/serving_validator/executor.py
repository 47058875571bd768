"""ServingValidator as TFX runs it: a candidate in, the verdict as TFX's own InfraValidator leaves it."""

from __future__ import annotations

import json
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from absl import logging
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import io_utils, path_utils

from components.artifact_files import INFRA_BLESSED_FILE, INFRA_NOT_BLESSED_FILE, SERVING_VALIDATION_FILE
from components.beam import whole_files
from components.config_fields import build_fields
from components.example_artifacts import Artifacts
from components.serving_validator.config import ServingValidationConfig
from components.serving_validator.findings import Findings
from components.serving_validator.served.trial import Nearness, try_out
from serving.precision import SLOWER_HERE, is_slower_here

CONFIG = "serving_validation"
FLOAT32_MODEL, MIN_COSINE = "float32_model", "min_cosine"


class Executor(base_executor.BaseExecutor):
    """Serves the candidate, asks it, and blesses it or says why not."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write the verdict and what was measured.

        Args:
          input_dict: "model" (Model), and "float32_model" where that is in another precision.
          output_dict: "blessing" (InfraBlessing).
          exec_properties: "serving_validation", a ServingValidationConfig as JSON; "min_cosine" beside "float32_model".
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = build_fields(ServingValidationConfig, json.loads(exec_properties[CONFIG]), CONFIG)
        model = artifact_utils.get_single_instance(input_dict[specs.MODEL_KEY])
        blessing = artifact_utils.get_single_instance(output_dict[specs.BLESSING_KEY])
        exact = input_dict.get(FLOAT32_MODEL)
        with ExitStack() as here:

            def fetched(uri: str) -> Path:
                return here.enter_context(_on_this_machine(path_utils.serving_model_path(uri)))

            near = Nearness(fetched(exact[0].uri), exec_properties[MIN_COSINE]) if exact else None
            findings = try_out(fetched(model.uri), config, near)
        for reason in findings.reasons:
            logging.error("The model is not blessed for serving: %s", reason)
        if is_slower_here(findings.precision):
            logging.warning("The model was timed, but %s", SLOWER_HERE)
        write(findings, blessing.uri)
        blessing.set_int_custom_property("blessed", int(findings.is_blessed))  # which the Pusher looks at


def write(findings: Findings, folder: str) -> None:
    """Write the findings, and then the file whose name is the verdict."""
    whole_files.write_json(posixpath.join(folder, SERVING_VALIDATION_FILE), findings.to_json())
    verdict = INFRA_BLESSED_FILE if findings.is_blessed else INFRA_NOT_BLESSED_FILE
    whole_files.write_text(posixpath.join(folder, verdict), "")


@contextmanager
def _on_this_machine(address: str) -> Iterator[Path]:
    """Yield the folder of a model: itself, or a copy for the block where it lies at an address such as gs://."""
    if "://" not in address:
        yield Path(address)
        return
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        io_utils.copy_dir(address, folder)
        yield Path(folder)
