"""A server in a process of its own, for whoever starts one to ask it and stop it: validation, measurements, tests.

`python -m serving.server.process BASE` is that process. It says where it listens in a line of JSON on standard output,
and ends with its standard input, and so also where its parent is killed.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

STOP_AFTER_S = 10.0  # how long it may take to end before it is killed
STDIN, STDOUT, STDERR = 0, 1, 2  # the descriptors: what C++ libraries say does not pass through sys.stdout


class ServerProcess:
    """Serves a folder of numbered versions on free ports of this machine, as long as a block runs.

    Attributes:
      address: host:port of its gRPC, once `wait_until_ready` has returned.
      rest_address: host:port of its REST, in the same way.
      load_s: seconds from the process's start until it answers, in the same way.

    Examples:
      >>> with ServerProcess(Path("output/align-demo/serving_models/align")) as server:
      ...     server.wait_until_ready(timeout_s=60)
      ...     print(server.address.partition(":")[0])
      127.0.0.1
    """

    def __init__(self, base: Path) -> None:
        """Prepare it; the block starts it, and goes on at once. Its log goes where this process's own goes.

        Args:
          base: folder of numbered versions, of which the newest complete one is served.
        """
        self._base = base
        self.address = self.rest_address = ""
        self.load_s = 0.0

    def __enter__(self) -> ServerProcess:
        self._started = time.time()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(self._base)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches this process alone, which then stops the other in order
        )
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(STOP_AFTER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """Of the running process."""
        return self._process.pid

    def wait_until_ready(self, timeout_s: float) -> None:
        """Wait until the model is loaded and requests are answered.

        Raises:
          ValueError: where the server says that it cannot serve, ends without a word, or takes longer.
        """
        said = self._process.stdout
        left_s = self._started + timeout_s - time.time()
        if said is None or not select.select([said], [], [], max(0.0, left_s))[0]:
            raise ValueError(f"the server had not loaded the model after {timeout_s:g} s")
        line = said.readline()
        if not line:
            raise ValueError(f"the server {self._how_it_ended()} while it loaded the model")
        told = json.loads(line)
        if "error" in told:
            raise ValueError(told["error"])
        self.load_s = told["ready"] - self._started
        self.address, self.rest_address = told["address"], told["rest_address"]

    def peak_memory_bytes(self) -> int | None:
        """Returns the most memory that the running server has held so far; None where the system does not tell."""
        with suppress(OSError):
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
            if found := re.search(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE):
                return int(found[1]) * 1024
        return None

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


def main(base: str) -> None:
    """Serve until standard input ends."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()  # also while the model is loaded
    told = os.fdopen(os.dup(STDOUT), "w", encoding="utf-8")
    os.dup2(STDERR, STDOUT)  # what libraries print is no message
    from serving.server.core import memory
    from serving.server.server import ModelServer

    memory.spare_what_is_there()
    try:
        server = ModelServer(Path(base), port=0, rest_port=0)
        server.start()
    except (OSError, ValueError) as error:
        print(json.dumps({"error": str(error)}), file=told, flush=True)
        raise SystemExit(1) from error
    addresses = {"address": server.address, "rest_address": server.rest_address}
    print(json.dumps({**addresses, "ready": time.time()}), file=told, flush=True)
    signal.pause()


def _end_with_stdin() -> None:
    while os.read(STDIN, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
