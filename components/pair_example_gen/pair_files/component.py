"""PairFiles: the configured input -> one word for all that it holds now."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.pair_files.driver import Driver
from components.pair_example_gen.pair_files.executor import Executor

INGEST, FINGERPRINT = "ingest", "fingerprint"


class PairFilesSpec(component_spec.ComponentSpec):
    """The config of ingest, as JSON, and the fingerprint."""

    PARAMETERS = {INGEST: component_spec.ExecutionParameter(type=str)}  # noqa: RUF012 - TFX's own form
    INPUTS = {}  # noqa: RUF012
    OUTPUTS = {FINGERPRINT: component_spec.ChannelParameter(type=standard_artifacts.String)}  # noqa: RUF012


class PairFiles(base_beam_component.BaseBeamComponent):
    """Find every file that ingest would read; it reads none but tables, for the images that they name.

    Output: `fingerprint` (String): equal texts mean that ingest would read the same again, see fingerprint.py.
    """

    SPEC_CLASS = PairFilesSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, config: IngestConfig) -> None:
        super().__init__(
            spec=PairFilesSpec(ingest=config.to_json(), fingerprint=types.Channel(type=standard_artifacts.String))
        )
