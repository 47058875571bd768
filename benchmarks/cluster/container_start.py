"""Measures what passes in each component's container before its executor runs, and on what.

Usage: .venv/bin/python -m benchmarks.cluster.container_start [--rounds 3] [--config demo] [--image align-tfx:dev]

Compiles the config's pipeline for Kubeflow and starts each of its executors in a process of its own, which takes the
entry point's steps one by one and stops before the executor's work: the checks, TensorFlow (which TFX imports wherever
it imports anything), TFX's types, Beam where the executor has it, the rest of the executor's imports. The executors
take turns, round after round, so that a busy machine slows all alike; what is printed are medians, seconds by the clock
and of CPU time. With --image each is a container of that image, whose own start is in the first step. Else it is a
process of the checkout's environment, where Keras and TensorFlow import what the image lacks, such as JAX. What the
launcher downloads is in neither. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks.shared.checkout import ROOT
from benchmarks.shared.machine import describe_machine
from tfx_pipeline.kubeflow_runner import compile_pipeline
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import load

PROCESS = "benchmarks.cluster.container_steps"  # its text is sent: a container lacks the file
STEPS_OF = Path(__file__).with_name(f"{PROCESS.rpartition('.')[2]}.py").read_text(encoding="utf-8")
STEPS = ("Python and checks", "TensorFlow", "TFX's types", "Beam", "the executor's own")
ASKED_S = 8
WITHOUT_BEAM, BEAM = "json", "apache_beam"  # an import that costs nothing, in the place of Beam's


class Time(NamedTuple):
    """Seconds by the clock, and of CPU time."""

    wall: float
    cpu: float


def python_of(image: str | None) -> list[str]:
    """Returns what starts Python in a new container, as rightless as a pod's, or in a new process."""
    if image is None:
        return [sys.executable]
    strict = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--network", "none"]
    return [str(ROOT / "scripts" / "container"), "run", "--rm", "--interactive", *strict, image, "python"]


def measure(python: Sequence[str], executor: str, beam: str) -> list[Time]:
    """Returns the time of each of STEPS in a new process or container."""
    command = [*python, "-W", "ignore", "-", executor, beam, str(time.time())]
    done = subprocess.run(command, input=STEPS_OF, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{executor} did not start:\n{done.stderr}")
    return [Time(*seconds) for seconds in json.loads(done.stdout.splitlines()[-1])]


def imports_beam(python: Sequence[str], executor: str) -> bool:
    """Says whether an executor's imports bring Beam along."""
    asked = f"import sys, {executor.rpartition('.')[0]}; print({BEAM!r} in sys.modules)"
    answer = subprocess.check_output([*python, "-W", "ignore", "-c", asked], cwd=ROOT, text=True)
    return answer.split()[-1] == "True"


def executors_of(config: str) -> Iterator[tuple[str, str]]:
    """Yield (component, executor) of a pipeline, as it is compiled; of those with one executor the first."""
    seen = set()
    with tempfile.TemporaryDirectory() as folder:
        path = compile_pipeline(load(config), platform="kubeflow", image="image:1", root="gs://b", folder=Path(folder))
        spec = next(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    for label, executor in spec["deploymentSpec"]["executors"].items():
        arguments = executor["container"]["args"]
        name = arguments[arguments.index("--executor") + 1]
        if name not in seen:
            seen.add(name)
            yield label.removesuffix("_executor"), name


def report(rounds: dict[str, Sequence[Sequence[Time]]]) -> str:
    """Returns the table of medians.

    Args:
      rounds: component -> for each round, the time of each of STEPS.
    """
    lines = [f"| | {' | '.join(STEPS)} | all, s | CPU s | asked, s |", f"|---|{'---:|' * (len(STEPS) + 3)}"]
    for component, measured in rounds.items():
        steps = [statistics.median(one.wall for one in step) for step in zip(*measured, strict=True)]
        wall, cpu = (statistics.median(sum(one[of] for one in steps) for steps in measured) for of in range(2))
        cells = [f"{seconds:.1f}" for seconds in (*steps, wall, cpu)]
        lines.append(f"| {component} | {' | '.join(cells)} | {ASKED_S} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--config", default="demo")
    parser.add_argument("--image", help="of `make image`")
    arguments = parser.parse_args()
    print(f"{describe_machine()}\n", flush=True)
    with quiet_imports():
        executors = dict(executors_of(arguments.config))
    python = python_of(arguments.image)
    beam = {name: BEAM if imports_beam(python, name) else WITHOUT_BEAM for name in executors.values()}
    rounds = [
        {component: measure(python, name, beam[name]) for component, name in executors.items()}
        for _ in range(arguments.rounds)
    ]
    print(report({component: [each[component] for each in rounds] for component in executors}))


if __name__ == "__main__":
    main()
