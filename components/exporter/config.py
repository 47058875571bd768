"""In which precision the model is served: the `export` section of a config."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.config_fields import refuse_other_choices, refuse_unless


@dataclass(frozen=True)
class ExportConfig:
    """How the trained model is written for servers; a change trains nothing.

    In another precision than float32 the component Exporter writes the model anew, and that one is judged, tried in a
    server and pushed.

    Attributes:
      precision: of the image tower's arithmetic where the model is served, "float32" or "bfloat16". The latter is for
        CPUs with units for it (amx_bf16, avx512_bf16 in /proc/cpuinfo), and slower on any other. [-; ours]
      min_cosine: how near images' vectors must be to those of float32, where the precision is another. [-; ours]

    Examples:
      >>> ExportConfig(precision="int8")
      Traceback (most recent call last):
        ...
      ValueError: export.precision is 'int8'; it must be one of float32, bfloat16
    """

    precision: Literal["float32", "bfloat16"] = "float32"
    min_cosine: float = 0.999

    def __post_init__(self) -> None:
        refuse_other_choices(self, "export.")
        refuse_unless(self, "export", lambda cosine: 0 < cosine <= 1, "above 0 and at most 1", "min_cosine")

    @property
    def is_needed(self) -> bool:
        """Whether what training writes is not served as it is."""
        return self.precision != "float32"
