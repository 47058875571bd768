"""Which Beam runner does the data work, whatever the orchestrator: the `beam` section of a config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from components.beam_arguments import BeamOption, spell

RUNNERS = {"direct": "DirectRunner", "flink": "FlinkRunner", "portable": "PortableRunner", "dataflow": "DataflowRunner"}
DATAFLOW_REQUIRES = ("project", "region", "temp_location")
MISCOUNTING_MODE = "multi_threading"  # seen to give wrong group counts in Beam 2.74


@dataclass(frozen=True)
class BeamConfig:
    """Runner and options of every Beam job of the pipeline.

    Attributes:
      runner: "direct" (this machine), "flink", "portable" (any job server) or "dataflow".
      options: Beam's flags without their dashes, such as {direct_num_workers: 2, no_use_public_ips: true}; a list
        gives a flag that Beam lets one repeat once for each item. What Beam's own parser does not take is refused
        before the pipeline starts.
    """

    runner: str = "direct"
    options: Mapping[str, BeamOption] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.runner not in RUNNERS:
            raise ValueError(f"beam.runner is {self.runner!r}; it must be one of {', '.join(RUNNERS)}")
        if "runner" in self.options:
            raise ValueError(f"beam.options holds runner={self.options['runner']!r}; set beam.runner instead")
        if self.options.get("direct_running_mode") == MISCOUNTING_MODE:
            raise ValueError(
                f"beam.options.direct_running_mode is {MISCOUNTING_MODE!r}, which can miscount groups; "
                "use in_memory or multi_processing"
            )
        missing = [name for name in DATAFLOW_REQUIRES if name not in self.options]
        if self.runner == "dataflow" and missing:
            raise ValueError(f"beam.runner is 'dataflow' but beam.options lacks {', '.join(missing)}; set them")

    def pipeline_args(self) -> list[str]:
        """Returns the Beam command-line arguments, such as ["--runner=FlinkRunner", "--flink_master=host:8081"].

        None at all for the direct runner as it comes: given any, TFX packs itself up for remote workers, for seconds a
        component.
        """
        if self == BeamConfig():
            return []
        spelt = [argument for name, value in self.options.items() for argument in spell(name, value)]
        return [f"--runner={RUNNERS[self.runner]}", *spelt]
