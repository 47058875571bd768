"""A real Milvus, of PyPI's `milvus`, for all tests here. It has no setting by which it listens on loopback alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def milvus(tmp_path_factory):
    """The server's address."""
    folder = tmp_path_factory.mktemp("milvus")
    command = [CHECKOUT / ".milvus-venv" / "bin" / "python", Path(__file__).with_name("serve.py"), folder / "data"]
    with (
        open(folder / "log", "w") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as server,
    ):
        port = server.stdout.readline().strip()
        assert port.isdigit(), (folder / "log").read_text()
        yield f"http://127.0.0.1:{port}"
        server.stdin.close()
