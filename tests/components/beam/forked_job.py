"""Runs two Beam jobs on two forked workers: `python -m tests.components.beam.forked_job LAST`.

Prints what each element of the first found of the process that it was in, as JSON; LAST is what the second's do.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable

import apache_beam as beam
import numpy as np

from components.beam.forked_workers import fork_workers
from tfx_pipeline.settings.beam_config import BeamConfig

ARGUMENTS = BeamConfig(options={"direct_running_mode": "multi_processing", "direct_num_workers": 2}).pipeline_args()


def describe(number: int) -> dict:
    time.sleep(0.2)  # so that both workers are given some
    drawn = [float(np.random.rand()), random.random()]
    return {"pid": os.getpid(), "parent": os.getppid(), "drawn": drawn, "given": os.environ["GIVEN"]}


def die(number: int) -> None:
    os.kill(os.getpid(), number)


def leave(number: int) -> None:
    os._exit(number)


def wait(number: int) -> None:
    say({"pid": os.getpid()})
    time.sleep(600)


def say(found: dict) -> None:
    os.write(1, json.dumps(found).encode() + b"\n")  # at once: two processes write there


def run(number: int, do: Callable, end: Callable = say) -> None:
    """Have workers `do` what others are given, and `end` on what nobody is."""
    with beam.Pipeline(argv=ARGUMENTS) as pipeline:
        numbers = pipeline | beam.Create([number] * 8) | beam.Reshuffle()
        _ = numbers | beam.Map(do) | "Again" >> beam.Reshuffle() | "End" >> beam.Map(end)


LAST = {
    "describe": (0, describe),
    "die": (9, die),
    "die at the end": (9, int, die),
    "leave": (3, leave),
    "wait": (0, wait),
}

if __name__ == "__main__":
    fork_workers()
    os.environ["GIVEN"] = "first"
    run(0, describe)
    os.environ["GIVEN"] = "second"
    run(*LAST[sys.argv[1]])
