"""How tests run the image of `make image`: read-only, as nobody in particular, with no rights."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
IMAGE = os.environ.get("ALIGN_IMAGE", "align-tfx:dev")
ANYBODY = "54321:54321"  # no user of the image's
LOCKED = ("--read-only", "--tmpfs", "/tmp", "--user", ANYBODY, "--cap-drop", "all")
WITHIN_S = 120


def engine(*arguments: str, **options) -> subprocess.CompletedProcess:
    """Returns what docker or podman did with the arguments."""
    return subprocess.run([CHECKOUT / "scripts" / "container", *arguments], capture_output=True, text=True, **options)


def run_in_image(*command: str, options: tuple[str, ...] = (), script: str = "") -> str:
    """Returns what a program printed that ran well in the image, without a network unless `options` give one.

    Args:
      command: the program and its arguments.
      options: the engine's.
      script: the program's standard input.
    """
    network = () if "--network" in options else ("--network", "none")
    done = engine("run", "--rm", "--interactive", *network, *LOCKED, *options, IMAGE, *command, input=script)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def missing_image() -> str:
    """Returns why the image cannot be run here, or nothing."""
    version = engine("--version")
    if version.returncode or version.stdout.startswith("buildah"):
        return "no docker and no podman on this machine (apt install podman)"
    if engine("image", "inspect", IMAGE).returncode:
        return f"there is no image {IMAGE} (make image)"
    return ""


@contextmanager
def started(*command: str, options: tuple[str, ...]) -> Iterator[str]:
    """Start a container; its name, and its end at the block's.

    Args:
      command: what it runs.
      options: the engine's.
    """
    name = f"align-test-{uuid.uuid4().hex[:8]}"
    done = engine("run", "--detach", "--name", name, *LOCKED, *options, IMAGE, *command)
    assert done.returncode == 0, done.stderr
    try:
        yield name
    finally:
        engine("stop", "--time", "10", name)
        engine("rm", "--force", name)  # not by itself: what it said before it ended would go with it


def wait_until(is_so: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    """Return once something is so; where it does not come to be, fail with what `otherwise` says."""
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.2)
