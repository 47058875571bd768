"""Which engine `make image` takes and what it refuses, with stand-ins for the engines; nothing is built.

The image itself is tested by `make test-image`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ORDINARY = ("bash", "cat", "dirname", "env", "grep", "id", "mkdir", "sed", "tail", "rm")
SAYS_ITS_NAME = 'echo "$(basename "$0") $*"'


@pytest.fixture
def checkout(tmp_path) -> Path:
    """A copy of the scripts."""
    shutil.copytree(ROOT / "scripts", tmp_path / "checkout" / "scripts")
    return tmp_path / "checkout"


@pytest.fixture
def tools(tmp_path) -> Path:
    """A folder for the PATH: ordinary commands and no engine."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in (*ORDINARY, "basename"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def program(folder: Path, name: str, body: str) -> None:
    """Put a shell script into a folder, in the place of what is there."""
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def run(checkout: Path, tools: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Returns what a script of the checkout did with this PATH alone."""
    environment = {"PATH": str(tools), "HOME": str(checkout)} | environment
    return subprocess.run(arguments, cwd=checkout, env=environment, capture_output=True, text=True)


def test_no_engine_is_one_sentence(checkout, tools):
    done = run(checkout, tools, "scripts/container", "version")
    assert done.returncode != 0
    assert re.fullmatch(r"make: no container engine on this machine: install one .*\n", done.stderr)


def test_docker_is_taken_where_it_runs_and_else_podman_and_else_buildah(checkout, tools):
    program(tools, "buildah", SAYS_ITS_NAME)
    assert run(checkout, tools, "scripts/container", "version").stdout == "buildah version\n"
    program(tools, "podman", SAYS_ITS_NAME)
    assert run(checkout, tools, "scripts/container", "version").stdout == "podman version\n"
    program(tools, "docker", "exit 1")  # installed, but nothing answers it
    assert run(checkout, tools, "scripts/container", "version").stdout == "podman version\n"
    program(tools, "docker", SAYS_ITS_NAME)
    assert run(checkout, tools, "scripts/container", "version").stdout == "docker version\n"
    chosen = run(checkout, tools, "scripts/container", "version", CONTAINER_ENGINE="buildah")
    assert chosen.stdout == "buildah version\n"


@pytest.mark.parametrize(
    ("user", "has_debootstrap", "remedy"),
    [("0", False, r"apt install debootstrap"), ("1000", True, r"sudo make image")],
)
def test_without_a_registry_and_without_a_base_it_says_what_is_missing(checkout, tools, user, has_debootstrap, remedy):
    program(tools, "podman", "exit 125")  # it has no image, and none is pulled
    program(tools, "id", f"echo {user}")
    # The script looks into the system's own folders too, which a test cannot empty.
    text = (checkout / "scripts" / "image").read_text(encoding="utf-8").replace(":/usr/sbin:/sbin", "")
    (checkout / "scripts" / "image").write_text(text, encoding="utf-8")
    if has_debootstrap:
        program(tools, "debootstrap", "exit 0")
    done = run(checkout, tools, "scripts/image", "align-tfx:dev")
    assert done.returncode != 0
    assert re.fullmatch(rf"make: no image registry gives .* \({remedy}\)\.\n", done.stderr)
