"""A Milvus of PyPI's `milvus` for a benchmark, as `make test-milvus` installs it. It listens on every interface."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.shared.checkout import ROOT


@contextmanager
def milvus_server(folder: Path) -> Iterator[str]:
    """Run a server that stores in a folder; yields its address once it answers."""
    python, serve = ROOT / ".milvus-venv" / "bin" / "python", ROOT / "tests" / "milvus" / "serve.py"
    command, pipe = [python, serve, folder / "data"], subprocess.PIPE
    with (
        open(folder / "log", "w") as log,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True) as server,
    ):
        assert server.stdin
        assert server.stdout
        port = server.stdout.readline().strip()
        if not port.isdigit():
            raise SystemExit(f"Milvus does not start; {folder / 'log'} says why")
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stdin.close()
