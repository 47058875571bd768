"""What the data's statistics are held to, and what an anomaly does: the `validation` section of a config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.config_fields import refuse_other_choices


@dataclass(frozen=True)
class ValidationConfig:
    """Schema of the ingested data, and what follows where ExampleValidator finds that the data break it.

    Attributes:
      schema: a schema.pbtxt that you curate: SchemaGen's of an earlier run, say, with its domains and presences mended
        by hand. null infers it from the very data that is validated, which therefore breaks little of it.
      on_anomalies: "report": they are counted in the live view and the report, and the run goes on. "stop": the run
        ends before PairFilter where there is one of severity ERROR, as TFDV rates unexpected values, missing and new
        features and too few Examples; others stop nothing.

    Examples:
      >>> ValidationConfig(on_anomalies="halt")
      Traceback (most recent call last):
        ...
      ValueError: validation.on_anomalies is 'halt'; it must be one of report, stop
    """

    schema: str | None = None
    on_anomalies: Literal["report", "stop"] = "report"

    def __post_init__(self) -> None:
        refuse_other_choices(self, "validation.")
