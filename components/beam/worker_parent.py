"""The process that Beam's workers on this machine are forked from: it imports Beam once, for all of them.

Usage: python -m components.beam.worker_parent SOCKET, the number of an inherited Unix socket.

Each message on the socket carries the end of another one, of which a worker is made. From that the worker reads the
environment that it is to have, as JSON; there its exit status is written once it has ended. A worker that is killed has
the negative number of its signal, as with subprocess. This process ends, and its workers with it, when whoever started
it has ended.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import selectors
import signal
import socket
import sys

import numpy as np

from components.beam.lean_import import without_clients


def serve(door: socket.socket) -> socket.socket | None:
    """Fork a worker for each message; returns in each worker its socket, and None here at the end of all messages."""
    ended, signalled = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # a signal without a handler would not be written there
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which ends whoever started this
    workers: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        for descriptor in (door.fileno(), ended):
            selector.register(descriptor, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if ended in ready:
                os.read(ended, 4096)
                _tell_ends(workers)
            if door.fileno() not in ready:
                continue
            message, descriptors, _, _ = socket.recv_fds(door, 1, 1)
            if not message:
                for pid in workers:
                    os.kill(pid, signal.SIGTERM)
                return None
            asked = socket.socket(fileno=descriptors[0])
            pid = os.fork()
            if not pid:
                for left in (door, *workers.values()):
                    left.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                return asked
            workers[pid] = asked


def _tell_ends(workers: dict[int, socket.socket]) -> None:
    """Write the exit status of each worker that has ended, and forget it."""
    for pid in list(workers):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            with workers.pop(pid) as asked, contextlib.suppress(OSError):  # which says that nobody waits for it
                asked.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def main() -> None:
    """Serve, then be a worker where this process is one: it ends as one that was started for it does."""
    gc.disable()
    with without_clients():
        from apache_beam.runners.worker import sdk_worker_main

    gc.enable()
    gc.freeze()  # what was imported is no garbage, and is not touched by workers that look for some
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is None:
        return
    with asked, asked.makefile("rb") as said:
        environment = json.loads(said.read())
    os.environ.clear()
    os.environ.update(environment)
    np.random.seed()  # of the system's: all forked workers would draw the same
    sdk_worker_main.main([])


if __name__ == "__main__":
    main()
