"""PairFiles as TFX runs it: the fingerprint of all that the config of ingest names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact

from components.lookup import LookupExecutor
from components.pair_example_gen.config import read_config
from components.pair_example_gen.fingerprint import fingerprint
from components.pair_example_gen.storage.file_systems import use_options


class Executor(LookupExecutor, base_beam_executor.BaseBeamExecutor):
    """Writes the fingerprint; it runs nothing on Beam, whose arguments say how its file systems reach a server."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        use_options(self._beam_pipeline_args)
        super().Do(input_dict, output_dict, exec_properties)

    @staticmethod
    def look_up(inputs: Mapping[str, Sequence[Artifact]], properties: Mapping[str, Any]) -> str:
        """Returns the fingerprint of what "ingest", an IngestConfig as JSON, names."""
        del inputs
        return fingerprint(read_config(properties["ingest"]))
