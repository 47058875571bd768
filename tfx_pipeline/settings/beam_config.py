"""Which Beam runner does the data work, whatever the orchestrator: the `beam` section of a config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from components.beam.arguments import NO_PRISM, BeamOption, spell

RUNNERS = {"direct": "DirectRunner", "flink": "FlinkRunner", "portable": "PortableRunner", "dataflow": "DataflowRunner"}
REQUIRED = {  # runner -> the options without which it cannot start
    "flink": ("flink_master",),
    "portable": ("job_endpoint",),
    "dataflow": ("project", "region", "temp_location"),
}
FILE_SYSTEM_OPTIONS = ("s3_", "hdfs_", "gcs_", "impersonate_service_account")  # how they begin
MISCOUNTING_MODE = "multi_threading"  # seen to give wrong group counts in Beam 2.74
ENVIRONMENTS_TO_DESCRIBE = ("PROCESS", "EXTERNAL")  # kinds of worker that environment_config must say more of
EMBEDDED_FLINK = ("[local]", "[auto]")  # Beam's words for a Flink inside its job server
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):(\d{1,5})")


@dataclass(frozen=True)
class BeamConfig:
    """Runner and options of every Beam job of the pipeline.

    Attributes:
      runner: "direct" (this machine), "flink", "portable" (any job server) or "dataflow".
      options: Beam's flags without their dashes, such as {direct_num_workers: 2, no_use_public_ips: true}; a list
        gives a flag that Beam lets one repeat once for each item. What Beam's own parser does not take is refused
        before the pipeline starts.

    flink needs flink_master, the HOST:PORT of the cluster's REST interface. With job_endpoint its jobs go through the
    job server that listens there, without it through one that Beam fetches and starts for each job. portable needs
    job_endpoint; dataflow needs project, region and temp_location, and has never run.

    Examples:
      >>> BeamConfig("flink", {"flink_master": "localhost:8081"}).pipeline_args()
      ['--runner=FlinkRunner', '--flink_master=localhost:8081']
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
        missing = [name for name in REQUIRED.get(self.runner, ()) if not self.options.get(name)]
        if missing:
            raise ValueError(f"beam.runner is {self.runner!r} but beam.options lacks {', '.join(missing)}; set them")
        if self.runner == "flink" and self.options["flink_master"] not in EMBEDDED_FLINK:
            host_and_port("flink_master", self.options["flink_master"])
        if self.runner in ("flink", "portable"):
            self._check_workers()
        if self.runner == "dataflow":
            self._check_buckets()

    def _check_workers(self) -> None:
        """Raise ValueError where the job server or the workers beside the cluster could not be found."""
        endpoint = self.options.get("job_endpoint", "embed")
        if endpoint != "embed":  # Beam's word for a job server inside the program
            host_and_port("job_endpoint", endpoint)
        kind = self.options.get("environment_type")
        if kind in ENVIRONMENTS_TO_DESCRIBE and not self.options.get("environment_config"):
            raise ValueError(
                f"beam.options.environment_type is {kind!r} but beam.options lacks environment_config; "
                'set it, such as \'{"command": "/opt/boot"}\' for PROCESS or "localhost:50000" for EXTERNAL'
            )

    def _check_buckets(self) -> None:
        """Raise ValueError where Dataflow would be sent to a folder of this machine."""
        for name in ("temp_location", "staging_location"):
            place = self.options.get(name)
            if place and not str(place).startswith("gs://"):
                raise ValueError(
                    f"beam.options.{name} is {place!r}, which Dataflow's workers cannot reach; "
                    "give a folder of a bucket, such as gs://bucket/tmp"
                )

    def pipeline_args(self) -> list[str]:
        """Returns the Beam command-line arguments, such as ["--runner=FlinkRunner", "--flink_master=host:8081"].

        The direct runner is this machine's Python alone. It is kept from asking for Prism, and TFX from packing itself
        up for remote workers, for seconds a component, which it does unless it hears of an image that holds it.
        """
        options = dict(self.options)
        if self.runner == "direct":
            options.setdefault("sdk_container_image", "none")  # it starts no container and does not read this
            options.setdefault(NO_PRISM, True)
        spelt = [argument for name, value in options.items() for argument in spell(name, value)]
        return [f"--runner={RUNNERS[self.runner]}", *spelt]

    def file_system_args(self) -> list[str]:
        """Returns those of the Beam arguments by which file systems are reached, whatever the runner."""
        return [
            argument
            for name, value in self.options.items()
            if name.startswith(FILE_SYSTEM_OPTIONS)
            for argument in spell(name, value)
        ]


def host_and_port(name: str, address: BeamOption) -> tuple[str, int]:
    """Returns the two parts of "HOST:PORT", of "http://HOST:PORT" too, or raises ValueError naming the option."""
    found = _ADDRESS.fullmatch(re.sub(r"^https?://|/$", "", str(address)))
    if not found or not 0 < int(found[2]) < 2**16:
        raise ValueError(f"beam.options.{name} is {address!r}; give HOST:PORT, such as 127.0.0.1:8081")
    return found[1].strip("[]"), int(found[2])
