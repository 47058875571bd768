"""PairExampleGen: files of images and captions -> Examples, and a report of what was read, kept and dropped."""

from __future__ import annotations

from collections.abc import Iterable

from tfx import types
from tfx.components import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.artifacts import IngestReport
from components.pair_example_gen.config import EvaluationSetConfig, IngestConfig
from components.pair_example_gen.driver import Driver
from components.pair_example_gen.executor import Executor


class PairExampleGenSpec(standard_component_specs.FileBasedExampleGenSpec):
    """FileBasedExampleGen's interface, plus our config and the report."""

    PARAMETERS = {  # noqa: RUF012 - TFX's own form
        **standard_component_specs.FileBasedExampleGenSpec.PARAMETERS,
        "ingest": component_spec.ExecutionParameter(type=str),
    }
    OUTPUTS = {  # noqa: RUF012
        **standard_component_specs.FileBasedExampleGenSpec.OUTPUTS,
        "report": component_spec.ChannelParameter(type=IngestReport),
    }


class PairExampleGen(FileBasedExampleGen):
    """Ingest tar shards, Parquet, TFRecord, CSV or TSV, or a published data set: see IngestConfig.

    A run with the same config takes its result from the cache where every file that ingest would read is the one that
    it read (fingerprint.py). Kubeflow and Vertex bring TFX's own driver for a FileBasedExampleGen: it reads no s3:// or
    hdfs://, and looks at number, sizes and times of the files that `splits` and `metadata` name alone. Who changes
    others there, such as an image that a table names, gives its table a new time.

    Outputs: `examples` (Examples, schema in components/schema.py) and `report` (IngestReport).
    """

    SPEC_CLASS = PairExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, config: IngestConfig) -> None:
        spec = PairExampleGenSpec(
            input_base=config.shards,
            input_config=example_gen_pb2.Input(
                splits=[
                    example_gen_pb2.Input.Split(name=name, pattern=pattern)
                    for name, pattern in (
                        *config.globs.items(),
                        *([("metadata", config.metadata)] * bool(config.metadata)),
                    )
                ]
            ),
            output_config=example_gen_pb2.Output(
                split_config=example_gen_pb2.SplitConfig(
                    splits=[
                        example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=share)
                        for name, share in config.shares.items()
                    ]
                )
            ),
            output_data_format=example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            ingest=config.to_json(),
            examples=types.Channel(type=standard_artifacts.Examples),
            report=types.Channel(type=IngestReport),
        )
        # FileBasedExampleGen's constructor builds its own spec, without our config and report.
        super(FileBasedExampleGen, self).__init__(spec=spec)


def read_evaluation_sets(sets: Iterable[EvaluationSetConfig]) -> dict[str, PairExampleGen]:
    """Returns a component for each evaluation set by its name, with the id "EvaluationSet.<name>"."""
    return {config.name: PairExampleGen(config).with_id(f"EvaluationSet.{config.name}") for config in sets}
