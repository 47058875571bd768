"""PairExampleGen's driver: by it TFX knows whether what ingest would read is what it read before."""

from __future__ import annotations

from typing import Any

from tfx.components.example_gen import driver, utils
from tfx.orchestration import data_types

from components.pair_example_gen.config import read_config
from components.pair_example_gen.fingerprint import fingerprint


class Driver(driver.FileBasedDriver):
    """Puts our fingerprint in the place of TFX's, which looks at what globs match alone, and at whole seconds."""

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Returns the properties with the fingerprint, and with span 0: the executor reads no spans."""
        del pipeline_info, component_info
        return {
            **exec_properties,
            utils.SPAN_PROPERTY_NAME: 0,
            utils.VERSION_PROPERTY_NAME: None,
            utils.FINGERPRINT_PROPERTY_NAME: fingerprint(read_config(exec_properties["ingest"])),
        }
