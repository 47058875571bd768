"""A real Milvus, of PyPI's `milvus`, for all tests here. It has no setting by which it listens on loopback alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


class Server:
    """A Milvus that is stopped and started again on what it stored.

    Attributes:
      address: where it answers.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Return when it answers."""
        python = CHECKOUT / ".milvus-venv" / "bin" / "python"
        command = [python, Path(__file__).with_name("serve.py"), self._folder / "data"]
        with open(self._folder / "log", "a") as log:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True)
        port = self._process.stdout.readline().strip()
        assert port.isdigit(), (self._folder / "log").read_text()
        self.address = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        """Return when it has ended."""
        self._process.communicate()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A Milvus."""
    running = Server(tmp_path_factory.mktemp("milvus"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def milvus(server):
    """The server's address."""
    return server.address
