"""The image, where it is there and can be run, and containers that end with the test that started them."""

from __future__ import annotations

import uuid

import pytest

from image_containers import IMAGE, LOCKED, engine


@pytest.fixture(scope="session", autouse=True)
def image() -> str:
    """The image's name, where there is an engine to run it and it was built."""
    version = engine("--version")
    if version.returncode or version.stdout.startswith("buildah"):
        pytest.skip("no docker and no podman on this machine (apt install podman)")
    if engine("image", "inspect", IMAGE).returncode:
        pytest.skip(f"there is no image {IMAGE} (make image)")
    return IMAGE


@pytest.fixture(scope="module")
def start(image):
    """Returns a function that starts a container and returns its name; it is ended after the module's tests."""
    started: list[str] = []

    def run(*command: str, options: tuple[str, ...]) -> str:
        started.append(f"align-test-{uuid.uuid4().hex[:8]}")
        done = engine("run", "--detach", "--name", started[-1], *LOCKED, *options, image, *command)
        assert done.returncode == 0, done.stderr
        return started[-1]

    yield run
    for name in started:
        engine("stop", "--time", "10", name)
