"""The engine that `align run --beam NAME --flink-master HOST:PORT` asks for, laid over a config's `beam` section."""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Mapping
from pathlib import Path

from components.beam.arguments import BeamOption
from tfx_pipeline.settings.beam_config import EMBEDDED_FLINK, BeamConfig, host_and_port
from tfx_pipeline.settings.config import Config, ConfigError, as_config_error

OUR_CLUSTER = Path(__file__).parents[2] / ".flink" / "cluster.json"  # scripts/flink/cluster.py leaves it while it is up
ANSWERS_WITHIN_S = 5


def choose_engine(config: Config, runner: str | None, flink_master: str | None) -> Config:
    """Returns the config with the runner and the Flink cluster that the command names, where it names any.

    The cluster that `make flink` brought up is known by its address: how its job server and its workers are reached
    is filled in where the config does not say it.

    Raises:
      ConfigError: where the two do not go together, or the cluster does not answer.
    """
    runner = runner or config.beam.runner
    options = dict(config.beam.options)
    if flink_master is not None:
        if runner != "flink":
            raise ConfigError(f"--flink-master is {flink_master!r} but the runner is {runner!r}; give --beam flink too")
        options["flink_master"] = flink_master
    if runner == "flink" and not options.get("flink_master"):
        raise ConfigError("--beam flink needs to know the cluster; give --flink-master HOST:PORT")
    if runner == "flink":
        options = {**_options_of_our_cluster(str(options["flink_master"])), **options}
    with as_config_error():
        chosen = BeamConfig(runner=runner, options=options)
        _refuse_silence(chosen)
    return dataclasses.replace(config, beam=chosen)


def _options_of_our_cluster(flink_master: str) -> Mapping[str, BeamOption]:
    try:
        cluster = json.loads(OUR_CLUSTER.read_text(encoding="utf-8"))
    except OSError:
        return {}
    return cluster["beam_options"] if flink_master.removeprefix("http://") == cluster["flink_master"] else {}


def _refuse_silence(beam: BeamConfig) -> None:
    """Raise ValueError where nothing listens at the address that the jobs go to.

    With a job server that is the only one: the cluster may be within its reach alone.
    """
    if beam.runner not in ("flink", "portable"):
        return
    name = "job_endpoint" if "job_endpoint" in beam.options else "flink_master"
    address = beam.options[name]
    if address in (*EMBEDDED_FLINK, "embed"):
        return
    try:
        socket.create_connection(host_and_port(name, address), timeout=ANSWERS_WITHIN_S).close()
    except OSError as error:
        raise ValueError(
            f"beam.options.{name} is {address!r}, where nothing answers ({error.strerror or error}); start the "
            "cluster, on this machine by make flink"
        ) from error
