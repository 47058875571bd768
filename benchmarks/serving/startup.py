"""How long `align serve` takes from the command to its first answer, and what that time is made of.

Usage: .venv/bin/python -m benchmarks.serving.startup --model-dir FOLDER [--rounds 5]

Two processes a round: the command itself, asked from outside until it answers, and one that takes the same steps one
after the other. The first round warms the disk's cache and is not counted. Waiting is what a step's wall clock has
beyond its CPU time: a busy machine, or the disk.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.shared.checkout import ROOT

STEPS = """
import json, sys, time
last = [time.perf_counter(), 0.0]

def step(name):
    now = [time.perf_counter(), time.process_time()]
    print(json.dumps([name, now[0] - last[0], now[1] - last[1]]), flush=True)
    last[:] = now

import tfx_pipeline.cli
import tfx_pipeline.commands.serve
from tfx_pipeline.quick import quick_imports, without_keras
step("Python and the command")
with quick_imports(), without_keras():
    import grpc
    step("gRPC")
    import tensorflow
    step("TensorFlow")
    import tensorflow_text
    step("TF Text")
    import serving.server.server
    step("the server's own modules, HTTP among them")
from pathlib import Path
import numpy
from serving.server.core.config_file import one_model
from serving.server.core.models import ServedModels
from serving.server.core.spec import ModelSpec
models = ServedModels(one_model("align", Path(sys.argv[1])))
models.start()
step("loading and warming the model")
with models.use(ModelSpec("align")) as version:
    version.run("encode_text", {"text": numpy.array([b"sad cat"], object)})
step("the first answer")
models.close()
"""


def time_command(base: Path) -> float:
    """Returns the seconds from starting `align serve` to its first answer."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "tfx_pipeline.cli", "serve", "--model-dir", str(base)]
    process = subprocess.Popen(
        [*command, "--port", "0", "--rest-port", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = next(found[1] for line in process.stdout if (found := re.search(r" on (\S+:\d+),", line)))
        ask(address)
        return time.perf_counter() - start
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def ask(address: str) -> None:
    """Encode one text."""
    from serving.client import AlignClient

    with AlignClient(address) as client:
        client.encode_text(["sad cat"])


def time_steps(base: Path) -> list[tuple[str, float, float]]:
    """Returns (step, wall seconds, CPU seconds), in order."""
    command = [sys.executable, "-c", STEPS, str(base)]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return [tuple(json.loads(line)) for line in said.stdout.splitlines()]


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model-dir", type=Path, required=True, help="folder of numbered versions")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    ask_imports = time.perf_counter()
    import serving.client  # noqa: F401  outside the time that is measured

    print(f"(the client's own imports took {time.perf_counter() - ask_imports:.1f} s)")
    rounds = [(time_command(options.model_dir), time_steps(options.model_dir)) for _ in range(options.rounds + 1)][1:]
    totals = [total for total, _ in rounds]
    print(f"command to first answer: {statistics.median(totals):.2f} s ({min(totals):.2f} to {max(totals):.2f})")
    print(f"\n{'step':44} {'wall s':>7} {'CPU s':>7}")
    for place, (name, _, _) in enumerate(rounds[0][1]):
        wall, cpu = (statistics.median(steps[place][column] for _, steps in rounds) for column in (1, 2))
        print(f"{name:44} {wall:7.2f} {cpu:7.2f}")


if __name__ == "__main__":
    main()
