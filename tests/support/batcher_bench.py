"""A batcher whose threads are kept busy, and a computation that tells its batches, for tests of what shares one."""

from __future__ import annotations

import threading

import numpy as np
from signature_defs import signature_def

from serving.server.batching.batcher import Batcher, BatchQueue
from serving.server.batching.settings import BatchingSettings
from serving.server.core.spec import PATIENT
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import invalid_argument

ENCODE = signature_def({"x": [-1, -1]}, {"y": [-1]})
BAD = -1.0


def row_sums(inputs):
    """The computation of these tests: [B, K] -> [B]; a row with BAD in it fails its whole batch."""
    if (inputs["x"] == BAD).any():
        raise invalid_argument("a bad row")
    return {"y": inputs["x"].sum(axis=1)}


class Gate:
    """A computation that waits until it is opened, and takes down each batch."""

    def __init__(self, compute=row_sums):
        self.compute, self.open, self.batches = compute, threading.Event(), []
        self.began = threading.Event()

    def __call__(self, inputs):
        self.began.set()
        assert self.open.wait(timeout=20)
        self.batches.append(inputs["x"].tolist())
        return self.compute(inputs)


class Bench:
    """A batcher with a queue whose threads are all kept busy until `let_go`, so that requests wait together."""

    def __init__(self, compute=row_sums, signature=ENCODE, **limits):
        limits = {"num_batch_threads": 1, **limits}
        self.monitoring = Monitoring()
        self.batcher = Batcher(BatchingSettings(**limits), self.monitoring)
        self.gate = Gate(compute)
        self.queue = BatchQueue(self.batcher, "m", 1, "s", signature, self.gate)
        self.first = self.queue.submit({"x": np.zeros((1, 1))}, PATIENT)
        assert self.gate.began.wait(timeout=20)

    def submit(self, *rows, caller=PATIENT):
        return self.queue.submit({"x": np.array(rows, float).reshape(len(rows), -1)}, caller)

    def let_go(self):
        self.gate.open.set()
        self.batcher.close()
        assert not self.first.result(timeout=20)["y"].any()
        return self.gate.batches[1:]
