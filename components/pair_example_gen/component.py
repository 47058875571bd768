"""PairExampleGen: files of images and captions -> Examples, and a report of what was read, kept and dropped."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.types import component_spec, standard_artifacts

from components.artifacts import IngestReport
from components.component_ids import EVALUATION_SET, PAIR_EXAMPLE_GEN, PAIR_FILES
from components.pair_example_gen.config import EvaluationSetConfig, IngestConfig
from components.pair_example_gen.executor import Executor
from components.pair_example_gen.pair_files.component import FINGERPRINT, PairFiles


class PairExampleGenSpec(component_spec.ComponentSpec):
    """One config, as JSON, and one word for all that it names: the cache depends on these and on nothing else."""

    PARAMETERS = {  # noqa: RUF012 - TFX's own form
        "ingest": component_spec.ExecutionParameter(type=str),
        FINGERPRINT: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {}  # noqa: RUF012
    OUTPUTS = {  # noqa: RUF012
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "report": component_spec.ChannelParameter(type=IngestReport),
    }


class PairExampleGen(base_beam_component.BaseBeamComponent):
    """Ingest tar shards, Parquet, TFRecord, CSV or TSV, or a published data set: see IngestConfig.

    A run with the same config takes its result from the cache where every file that ingest would read is the one that
    it read: PairFiles finds that out, in each run.

    Outputs: `examples` (Examples, schema in components/schema.py) and `report` (IngestReport).
    """

    SPEC_CLASS = PairExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, config: IngestConfig, *, fingerprint: str | Placeholder) -> None:
        """Build the component.

        Args:
          config: what to read and how.
          fingerprint: of all that the config names.
        """
        super().__init__(
            spec=PairExampleGenSpec(
                ingest=config.to_json(),
                fingerprint=fingerprint,
                examples=types.Channel(type=standard_artifacts.Examples),
                report=types.Channel(type=IngestReport),
            )
        )


def read_pairs(config: IngestConfig) -> tuple[PairFiles, PairExampleGen]:
    """Returns the two components that ingest a source; an evaluation set's ids end in its name.

    The ids are "PairFiles" and "PairExampleGen", or "PairFiles-<set>" and "EvaluationSet-<set>".
    """
    find, read = PAIR_FILES, PAIR_EXAMPLE_GEN
    if isinstance(config, EvaluationSetConfig):
        find, read = f"{PAIR_FILES}-{config.name}", f"{EVALUATION_SET}-{config.name}"
    files = PairFiles(config).with_id(find)
    found = files.outputs[FINGERPRINT].future()[0].value  # holds the id, which must stand by now
    return files, PairExampleGen(config, fingerprint=found).with_id(read)
