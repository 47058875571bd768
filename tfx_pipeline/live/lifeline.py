"""Ties a process to the command that starts it: the command stops it, and with the command it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

STOP_AFTER_S = 20  # how long an interrupted process may take to end before it is killed


@contextmanager
def started(module: str, *arguments: str, **options: Any) -> Iterator[subprocess.Popen]:
    """Start a module as a process of its own, and stop it at the block's end, however that comes about.

    A signal that comes while it starts is handled once there is a process to stop. Call this in the main thread.

    Args:
      module: calls `end_with_parent`.
      arguments: of its command line.
      options: of subprocess.Popen.
    """
    came: list[int] = []
    with ExitStack() as handlers:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # which the process is to inherit
                handlers.callback(signal.signal, number, signal.signal(number, lambda got, _: came.append(got)))
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,  # its end tells the process that this one is gone
            start_new_session=True,  # Ctrl-C reaches this process alone, which then stops the other in order
            **options,
        )
        with child, stopped(child):
            handlers.close()
            for got in came:
                signal.raise_signal(got)
            yield child


@contextmanager
def stopped(child: subprocess.Popen) -> Iterator[None]:
    """End a child's process group at the block's end where the child still runs, as on Ctrl-C."""
    try:
        yield
    finally:
        if child.poll() is None:
            _stop(child)


def _stop(child: subprocess.Popen) -> None:
    try:
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(timeout=STOP_AFTER_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    except ProcessLookupError:
        child.wait()


def end_with_parent(stdin: int = 0) -> None:
    """End this process by SIGTERM when the one that started it ends, even by SIGKILL: that closes `stdin`."""

    def wait() -> None:
        while os.read(stdin, 4096):  # not sys.stdin: its lock, held here, would abort the interpreter at exit
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end_with_parent", daemon=True).start()
