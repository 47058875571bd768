"""The image as Beam's container of a Python SDK, started by Beam's own `boot`: a pipeline runs in the workers.

The runner is Beam's own local one, in a container beside. It starts workers by the options that Dataflow gives too.
"""

from __future__ import annotations

import shlex
import socket
from collections import Counter
from pathlib import Path

import pytest

from image_containers import IMAGE, engine, run_in_image, started, wait_until

pytestmark = pytest.mark.image

POOL_PORT = 50000  # Beam's own
WORDS = "red boots and a red ball"
DRIVER = f"""
import os, sys
import apache_beam as beam

answer, *environment = sys.argv[1:]
local = ["--runner=PortableRunner", "--job_endpoint=embed", "--sdk_location=container"]
with beam.Pipeline(argv=[*local, *environment]) as pipeline:
    (
        pipeline
        | beam.Create({WORDS!r}.split())
        | beam.combiners.Count.PerElement()
        | beam.Map(lambda counted: f"{{counted[0]}} {{counted[1]}} {{os.environ['PART']}}")
        | beam.io.WriteToText(answer, shard_name_template="")
    )
"""
# What the runner takes for docker: it hands the call out of the runner's container.
DOCKER = """#!/bin/sh
cd {folder}
case $1 in
run) printf '%s\\n' "$@" >asked.part && mv asked.part asked ;;
inspect) echo running ;;
esac
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder that all containers share."""
    tmp_path.chmod(0o777)
    return tmp_path


def part(name: str, folder: Path) -> tuple[str, ...]:
    """Returns the engine's options of a container: its part, the host's network, the shared folder."""
    return ("--network", "host", "--volume", f"{folder}:{folder}", "--env", f"PART={name}")


def logs(name: str) -> str:
    told = engine("logs", name)
    return told.stdout + told.stderr


def counted_in_workers(answer: Path) -> dict[str, int]:
    """Returns word -> count of what the pipeline wrote, every word counted in a worker."""
    rows = [line.split() for line in answer.read_text(encoding="utf-8").splitlines()]
    assert {row[2] for row in rows} == {"worker"}
    return {word: int(count) for word, count, _ in rows}


def test_given_the_options_of_a_worker_the_image_is_one(folder):
    (folder / "docker").write_text(DOCKER.format(folder=shlex.quote(str(folder))), encoding="utf-8")
    (folder / "docker").chmod(0o755)
    (folder / "driver.py").write_text(DRIVER, encoding="utf-8")
    asked, answer = folder / "asked", folder / "answer"
    environment = ("--environment_type=DOCKER", f"--environment_config={IMAGE}")
    driver = ("python", f"{folder}/driver.py", f"{answer}", *environment)
    path = run_in_image("printenv", "PATH").strip()
    with started(*driver, options=(*part("driver", folder), "--env", f"PATH={folder}:{path}")) as runner:
        wait_until(asked.exists, lambda: logs(runner))
        command = asked.read_text(encoding="utf-8").splitlines()
        options = command[command.index(IMAGE) + 1 :]
        assert {option.partition("=")[0] for option in options} >= {"--id", "--provision_endpoint"}
        given = (*options, "--semi_persist_dir=/var/opt/google")  # Dataflow's, where nobody but root may write
        with started(*given, options=part("worker", folder)) as worker:
            wait_until(answer.exists, lambda: logs(runner) + logs(worker))
    assert counted_in_workers(answer) == Counter(WORDS.split())


def test_its_worker_pool_starts_workers(folder):
    answer = folder / "answer"
    environment = ("--environment_type=EXTERNAL", f"--environment_config=localhost:{POOL_PORT}")
    with started("--worker_pool", options=part("worker", folder)) as pool:
        wait_until(pool_listens, lambda: logs(pool))
        run_in_image("python", "-", f"{answer}", *environment, options=part("driver", folder), script=DRIVER)
    assert counted_in_workers(answer) == Counter(WORDS.split())


def pool_listens() -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", POOL_PORT)) == 0


def test_boot_is_of_the_version_of_beam_and_brings_its_licences():
    versions = dict(
        line.split("\t")[2:4]
        for line in run_in_image("cat", "/opt/apache/beam/boot.modules").splitlines()
        if line.startswith(("\tmod\t", "\tdep\t"))
    )
    beam = run_in_image("python", "-c", "import importlib.metadata as m; print(m.version('apache-beam'))").strip()
    assert versions["github.com/apache/beam/sdks/v2"] == f"v{beam}"
    licences = run_in_image("find", "/opt/apache/beam/licences", "-name", "LICENSE*", "-size", "+1").split()
    assert {Path(file).parent.relative_to("/opt/apache/beam/licences").as_posix() for file in licences} == {
        *versions,
        "go",
    }
