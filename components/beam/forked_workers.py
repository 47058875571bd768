"""Lets Beam's direct_running_mode "multi_processing" fork its workers from one process, see worker_parent.py.

Beam starts a Python for each worker of each job, which imports Beam: three seconds of CPU time before it does anything.
And where a worker dies, as one does that runs out of memory, Beam waits for its answer for ever; here the job fails.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_fn_api_pb2, beam_fn_api_pb2_grpc, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import worker_handlers
from apache_beam.runners.portability.local_job_service import BeamFnLoggingServicer
from apache_beam.utils import thread_pool_executor
from google.protobuf import json_format, text_format

_AGAIN_S = 0.2  # how often what is asked of a dead worker is answered
_KNOWN_S = 5.0  # after the end of its data it is known by then that a worker has ended
_lock = threading.Lock()
_parent: WorkerParent | None = None


def fork_workers() -> None:
    """From here on Beam's jobs in this process fork the workers that have a process of their own."""
    if sys.platform == "linux":  # elsewhere libraries are known to break in forked processes
        register: Callable = worker_handlers.WorkerHandler.register_environment(python_urns.SUBPROCESS_SDK, bytes)
        register(ForkedWorkerHandler)


class WorkerParent:
    """The process that workers are forked from."""

    def __init__(self) -> None:
        self._door, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "components.beam.worker_parent", str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        atexit.register(self.close)

    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, environment: dict[str, str]) -> socket.socket:
        """Start a worker; returns the socket on which its exit status comes, or nothing where this process died."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._door, [b"1"], [theirs.fileno()])
        ours.sendall(json.dumps(environment).encode())
        ours.shutdown(socket.SHUT_WR)
        return ours

    def close(self) -> None:
        """End the process, and workers that still run."""
        self._door.close()
        self._process.wait()


def worker_parent() -> WorkerParent:
    """Returns the one of this process, started where there is none that lives."""
    global _parent
    with _lock:
        if _parent is None or not _parent.alive():
            _parent = WorkerParent()
        return _parent


class _DataOfWorker:
    """Beam's channel of a worker's data, which ends where the worker was lost: what it was asked then says why."""

    def __init__(self, channel: Any, lost: threading.Event) -> None:
        self._channel, self._lost = channel, lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def input_elements(self, *asked: Any, **also: Any) -> Iterator[Any]:
        try:
            yield from self._channel.input_elements(*asked, **also)
        except RuntimeError:  # "Channel closed prematurely."
            if not self._lost.wait(_KNOWN_S):
                raise


class ForkedWorkerHandler(worker_handlers.GrpcWorkerHandler):
    """A worker that is forked; the arguments are those of Beam's SubprocessSdkWorkerHandler."""

    def __init__(
        self,
        command: bytes,
        state: worker_handlers.StateServicer,
        provision_info: worker_handlers.ExtendedProvisionInfo,
        grpc_server: worker_handlers.GrpcServer,
    ) -> None:
        super().__init__(state, provision_info, grpc_server)
        self._stopped, self._lost = threading.Event(), threading.Event()
        self.data_conn = _DataOfWorker(self.data_conn, self._lost)  # type: ignore[assignment]  # it has all of its methods
        self._log = grpc.server(thread_pool_executor.shared_unbounded_instance())  # a line each, not as GrpcServer does
        beam_fn_api_pb2_grpc.add_BeamFnLoggingServicer_to_server(BeamFnLoggingServicer(), self._log)

    def start_worker(self) -> None:
        log = endpoints_pb2.ApiServiceDescriptor(url=f"localhost:{self._log.add_insecure_port('localhost:0')}")
        self._log.start()
        environment = {
            **os.environ,
            "CONTROL_API_SERVICE_DESCRIPTOR": text_format.MessageToString(self.control_api_service_descriptor()),
            "LOGGING_API_SERVICE_DESCRIPTOR": text_format.MessageToString(log),
            "PIPELINE_OPTIONS": json_format.MessageToJson(self.provision_info.provision_info.pipeline_options),
            "WORKER_ID": self.worker_id,
        }
        forked = worker_parent().fork(environment)
        self._watch = threading.Thread(name="watch_worker", target=self._await_end, args=(forked,), daemon=True)
        self._watch.start()

    def stop_worker(self) -> None:
        self._stopped.set()
        self._watch.join()
        self._log.stop(0)

    def _await_end(self, forked: socket.socket) -> None:
        with forked:
            status = forked.recv(64).decode()
        if status == "0":
            return
        self._lost.set()
        error = f"a Beam worker {_described(status)}"
        while not self._stopped.wait(_AGAIN_S):
            self._answer_all(error)

    def _answer_all(self, error: str) -> None:
        """Answer all that the worker was asked as it would where it failed: Beam would wait for ever."""
        asked = self.control_conn._futures_by_id
        for instruction in list(asked):
            future = asked.pop(instruction, None)
            if future is not None:
                future.set(beam_fn_api_pb2.InstructionResponse(instruction_id=instruction, error=error))


def _described(status: str) -> str:
    """Returns how a worker ended: an exit status, a signal's negative number, or nothing where nobody knows."""
    if not status:
        return "was lost: the process that it was forked from has ended"
    if not status.startswith("-"):
        return f"ended with status {status}; the log says why"
    name = signal.Signals(-int(status)).name
    hint = "; it may have run out of memory, which fewer workers (beam.options.direct_num_workers) take less of"
    return f"was ended by {name}{hint if name == 'SIGKILL' else ''}"
