"""A server in a process of its own: it answers, it says why it cannot, and it ends with whoever started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.client import AlignClient
from serving.server.process import ServerProcess

PARENT = """
import sys, time
from pathlib import Path
from serving.server.process import ServerProcess
with ServerProcess(Path(sys.argv[1])) as server:
    print(server._process.pid, flush=True)
    time.sleep(600)
"""


def test_it_answers_until_the_block_ends(base):
    with ServerProcess(base) as server:
        server.wait_until_ready(timeout_s=300)
        with AlignClient(server.address) as client:
            assert client.encode_text(["red"]).shape == (1, 4)
        pid = server._process.pid
        assert server.peak_memory_bytes() > 0
    assert not Path(f"/proc/{pid}").exists()


def test_a_folder_without_a_version_is_said(tmp_path):
    with ServerProcess(tmp_path) as server, pytest.raises(ValueError, match="holds no complete model version"):
        server.wait_until_ready(timeout_s=300)


def test_a_process_that_is_killed_is_said(base):
    with ServerProcess(base) as server:
        os.kill(server._process.pid, signal.SIGKILL)
        with pytest.raises(ValueError, match="the server was ended by SIGKILL while it loaded the model"):
            server.wait_until_ready(timeout_s=300)


def test_it_ends_where_its_parent_is_killed(base):
    with subprocess.Popen([sys.executable, "-c", PARENT, str(base)], stdout=subprocess.PIPE, text=True) as parent:
        child = Path("/proc") / parent.stdout.readline().strip()
        assert child.exists()
        parent.kill()
    deadline = time.monotonic() + 120
    while child.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
