"""Ties the pipeline's process to the command that started it, which holds the other end of its standard input."""

from __future__ import annotations

import os
import signal
import threading


def end_with_parent(stdin: int = 0) -> None:
    """End this process by SIGTERM when the one that started it ends, even by SIGKILL: that closes `stdin`."""

    def wait() -> None:
        while os.read(stdin, 4096):  # not sys.stdin: its lock, held here, would abort the interpreter at exit
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end_with_parent", daemon=True).start()
