"""PairFiles as TFX runs it: the fingerprint of all that the config of ingest names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tfx.types import Artifact

from components.lookup import LookupExecutor
from components.pair_example_gen.config import read_config
from components.pair_example_gen.fingerprint import fingerprint


class Executor(LookupExecutor):
    """Writes the fingerprint."""

    @staticmethod
    def look_up(inputs: Mapping[str, Sequence[Artifact]], properties: Mapping[str, Any]) -> str:
        """Returns the fingerprint of what "ingest", an IngestConfig as JSON, names."""
        del inputs
        return fingerprint(read_config(properties["ingest"]))
