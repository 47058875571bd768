"""CuratedSchema and AnomalyGate, which TFX's stock validation lacks: an edited schema is seen, and anomalies can stop.

StatisticsGen, SchemaGen and ExampleValidator are TFX's own. The latter only writes what it found: in TFX 1.16 and 1.21
it neither fails nor keeps anything from running after it.
"""

from __future__ import annotations

from tfx import types
from tfx.components import SchemaGen
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.dsl.components.base import base_component, executor_spec
from tfx.dsl.placeholder.placeholder import Placeholder
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.validation.config import ValidationConfig
from components.validation.executor import Executor


class CuratedSchemaSpec(standard_component_specs.ImportSchemaGenSpec):
    """ImportSchemaGen's interface, plus what the cache depends on besides the file's name."""

    PARAMETERS = {  # noqa: RUF012 - TFX's own form
        **standard_component_specs.ImportSchemaGenSpec.PARAMETERS,
        "content": component_spec.ExecutionParameter(type=str),
    }


class CuratedSchema(ImportSchemaGen):
    """TFX's ImportSchemaGen, run again where the file's content changes: the stock one's cache knows its path alone.

    Args:
      path: of the file.
      content: one word for what it holds.

    Output: `schema` (Schema).

    Examples:
      >>> list(CuratedSchema("schema.pbtxt").outputs)
      ['schema']
    """

    SPEC_CLASS = CuratedSchemaSpec

    def __init__(self, path: str, content: str | Placeholder = "") -> None:
        spec = CuratedSchemaSpec(
            schema_file=path, content=content, schema=types.Channel(type=standard_artifacts.Schema)
        )
        # ImportSchemaGen's constructor builds its own spec, without that word.
        super(ImportSchemaGen, self).__init__(spec=spec)


class AnomalyGateSpec(component_spec.ComponentSpec):
    """The schema's path is for the message alone; it is "" where the schema was inferred."""

    PARAMETERS = {"schema_file": component_spec.ExecutionParameter(type=str)}  # noqa: RUF012
    INPUTS = {"anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies)}  # noqa: RUF012
    OUTPUTS: dict[str, component_spec.ChannelParameter] = {}  # noqa: RUF012


class AnomalyGate(base_component.BaseComponent):
    """Fail where ExampleValidator found an anomaly of severity ERROR: what is downstream of it then never runs.

    It has no output: let what must not run without it have it as an upstream node.

    Examples:
      >>> AnomalyGate(None, anomalies=types.Channel(type=standard_artifacts.ExampleAnomalies)).id
      'AnomalyGate'
    """

    SPEC_CLASS = AnomalyGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, schema: str | None, *, anomalies: types.BaseChannel) -> None:
        super().__init__(spec=AnomalyGateSpec(schema_file=schema or "", anomalies=anomalies))


def build_schema(
    config: ValidationConfig, *, statistics: types.BaseChannel, content: str | Placeholder = ""
) -> base_component.BaseComponent:
    """Returns the component that makes `schema`: of the file that was curated, or, without one, of the statistics."""
    if config.schema is None:
        return SchemaGen(statistics=statistics, infer_feature_shape=False)
    return CuratedSchema(config.schema, content)


def build_gates(config: ValidationConfig, *, anomalies: types.BaseChannel) -> list[AnomalyGate]:
    """Returns what the filter has to wait for: an AnomalyGate where anomalies stop the run, else nothing."""
    return [AnomalyGate(config.schema, anomalies=anomalies)] if config.on_anomalies == "stop" else []
