"""Greedy micro-batching: what waits when the model becomes free is sent together; nothing waits for a timer.

```
submit --> a queue for each signature of each version --> the next free thread takes what waits --> each its rows
```
A request alone in the queue runs at once. Under load, the requests that come while a batch runs make the next one. So
batches are as large as the load makes them, and there is no time to set.

What is being prepared when the model becomes free, such as a picture that is decoded, is waited for, but no longer than
the last batch ran. A batch that ran ahead would slow that work down, and so find one picture each time.

Reference: TensorFlow's batching_util/shared_batch_scheduler.h, which waits for batch_timeout_micros in its place.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from serving.server.batching.rows import Arrays, Shape, have_rows, join, part, rows_of, shape_of, shares_rows
from serving.server.batching.settings import BatchingSettings
from serving.server.batching.together import Together
from serving.server.core.spec import Caller
from serving.server.monitoring.observer import Monitoring
from serving.server.refusal import Refusal

_log = logging.getLogger(__name__)
Compute = Callable[[Arrays], Arrays]


@dataclass
class Task:
    """A request that waits for its batch.

    Attributes:
      rows: of its inputs; None for one that runs alone.
      shape: what it shares with those that it may run with.
    """

    inputs: Arrays
    rows: int | None
    shape: Shape | None
    caller: Caller
    answer: Future[Arrays] = field(default_factory=Future)
    came: float = field(default_factory=time.monotonic)

    def is_wanted(self) -> bool:
        """Says whether somebody still waits; who does not is told so."""
        try:
            self.caller.check()
        except Refusal as refusal:
            self.answer.set_exception(refusal)
            return False
        return True


class Batcher:
    """The threads that run batches, and the queues that they take them from."""

    def __init__(self, settings: BatchingSettings, monitoring: Monitoring) -> None:
        """Start the threads."""
        self.settings = settings
        self.monitoring = monitoring
        self.changed = threading.Condition()  # guards every queue
        self.together = Together(os.cpu_count() or 1)  # more at once would all be done late
        self.ready: deque[BatchQueue] = deque()  # those in which something waits, the longest untouched first
        self.closing = False
        self._threads = [
            threading.Thread(target=self._work, name=f"batches-{number}", daemon=True)
            for number in range(settings.num_batch_threads)
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End the threads after what waits has run."""
        with self.changed:
            self.closing = True
            self.changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while self._run_next():
            pass

    def _run_next(self) -> bool:
        """Wait for a request and run its batch; False at the end. No name outlives the batch: it would hold a model."""
        with self.changed:
            self.changed.wait_for(lambda: self.ready or self.closing)
            if not self.ready:
                return False
            queue = self.ready.popleft()
            queue.wait_for_prepared()
            tasks = queue.take()
            if queue.waits:
                self.ready.append(queue)
                self.changed.notify()
        queue.run(tasks)
        return True


class BatchQueue:
    """The requests for one signature of one version; another's are never among them."""

    def __init__(self, batcher: Batcher, model: str, version: int, name: str, signature: Any, compute: Compute) -> None:
        """Wait for requests.

        Args:
          batcher: whose threads run them.
          model, version, name: what metrics call the version and its signature.
          signature: SignatureDef by whose shapes requests share batches.
          compute: inputs -> outputs of one batch; raises Refusal.
        """
        self._batcher, self._signature, self._compute = batcher, signature, compute
        self._labels: dict[str, Any] = {"model": model, "version": version, "signature": name}
        self._shares = shares_rows(signature)
        self._tasks: deque[Task] = deque()
        self._waiting_rows = 0
        self._prepared: set[object] = set()  # those whose inputs are being prepared
        self._last_run_s = 0.0

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Have the next batch wait for a request, from before its inputs are prepared until it is submitted."""
        request = object()
        with self._batcher.changed:
            self._prepared.add(request)
        try:
            yield
        finally:
            with self._batcher.changed:
                self._prepared.remove(request)
                self._batcher.changed.notify_all()

    def wait_for_prepared(self) -> None:
        """Wait for the requests that are being prepared now; for who holds `changed`."""
        awaited, settings = set(self._prepared), self._batcher.settings
        self._batcher.changed.wait_for(
            lambda: (
                awaited.isdisjoint(self._prepared)
                or self._waiting_rows >= settings.max_batch_size
                or self._batcher.closing
            ),
            timeout=self._last_run_s,
        )

    @property
    def waits(self) -> bool:
        """Whether a request waits."""
        return bool(self._tasks)

    def submit(self, inputs: Arrays, caller: Caller) -> Future[Arrays]:
        """Wait in the queue; the answer is the request's own outputs, or a Refusal.

        A request whose Future is cancelled, or for which nobody waits any more, never runs.

        Raises:
          Refusal: RESOURCE_EXHAUSTED where `max_enqueued_batches` wait already. (TensorFlow Serving says UNAVAILABLE,
            by which a client cannot tell it from a server that is gone.)
        """
        caller.check()
        rows = rows_of(inputs, self._signature) if self._shares else None
        task = Task(inputs, rows, None if rows is None else shape_of(inputs), caller)
        settings = self._batcher.settings
        with self._batcher.changed:
            if self._batcher.closing:
                raise Refusal(grpc.StatusCode.UNAVAILABLE, "the server is shutting down")
            if self._waiting_rows >= settings.capacity:  # a large request is not refused for a small one before it
                raise Refusal(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    "The batch scheduling queue to which this task was submitted is full; currently "
                    f"{len(self._tasks)} requests of {self._waiting_rows} rows enqueued and max_enqueued_batches is "
                    f"{settings.max_enqueued_batches}",
                )
            if not self._tasks:
                self._batcher.ready.append(self)
                self._batcher.changed.notify()
            self._tasks.append(task)
            self._waiting_rows += _size(task)
            self._measure()
        return task.answer

    def take(self) -> list[Task]:
        """Returns the requests of the next batch, in the order in which they came; for who holds `changed`."""
        first = self._tasks.popleft()
        taken, rows = [first], _size(first)
        passed_over: list[Task] = []
        while self._tasks and first.rows is not None and rows < self._batcher.settings.max_batch_size:
            task = self._tasks.popleft()
            fits = task.shape == first.shape and rows + _size(task) <= self._batcher.settings.max_batch_size
            (taken if fits else passed_over).append(task)
            rows += _size(task) if fits else 0
        self._tasks.extendleft(reversed(passed_over))
        self._waiting_rows -= rows
        self._measure()
        return taken

    def _measure(self) -> None:
        self._batcher.monitoring.queue_changed(**self._labels, waiting=len(self._tasks))

    def run(self, tasks: Sequence[Task]) -> None:
        """Run those of the requests that are still wanted as one batch."""
        kept = [task for task in tasks if task.answer.set_running_or_notify_cancel()]
        try:
            self._run(kept)
        except Exception as error:  # of what comes after the computation: its thread goes on here too
            for task in kept:
                if not task.answer.done():
                    self._answer_failure([task], error)

    def _run(self, tasks: Sequence[Task]) -> None:
        tasks = [task for task in tasks if task.is_wanted()]
        if not tasks:
            return
        rows, started = [task.rows or 0 for task in tasks], time.monotonic()
        padding = self._batcher.settings.padded(sum(rows)) - sum(rows) if sum(rows) else 0
        try:
            outputs = self._compute(join([task.inputs for task in tasks], padding))
        except Exception as error:  # whatever the runtime raises: its thread goes on, and each request gets an answer
            self._answer_failure(tasks, error)
            return
        self._last_run_s = time.monotonic() - started
        self._batcher.monitoring.batch(
            **self._labels,
            rows=rows,
            waited_s=[started - task.came for task in tasks],
            run_s=self._last_run_s,
            padding=padding,
            thread_pool_name=self._batcher.settings.thread_pool_name,
        )
        if len(tasks) == 1 and not padding:
            tasks[0].answer.set_result(outputs)
        elif have_rows(outputs.values(), sum(rows) + padding):
            for task, own in zip(tasks, part(outputs, rows), strict=True):
                task.answer.set_result(own)
        else:
            self._share_no_more(tasks, outputs)

    def _answer_failure(self, tasks: Sequence[Task], error: Exception) -> None:
        """Run the halves of a batch that failed, so that a bad request fails alone."""
        if len(tasks) > 1:
            self._run(tasks[: len(tasks) // 2])
            self._run(tasks[len(tasks) // 2 :])
            return
        if not isinstance(error, Refusal):
            _log.error(
                "signature %(signature)s of version %(version)d of %(model)s failed", self._labels, exc_info=error
            )
            error = Refusal(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")
        tasks[0].answer.set_exception(error)

    def _share_no_more(self, tasks: Sequence[Task], outputs: Arrays) -> None:
        """Run requests apart whose outputs do not have a row for each of their rows, and all later ones too."""
        shapes = {name: array.shape for name, array in outputs.items()}
        _log.warning("outputs %s are no row for each row of a batch: %s is batched no more", shapes, self._labels)
        self._shares = False
        for task in tasks:
            task.rows = None
            self._run([task])


def _size(task: Task) -> int:
    return 1 if task.rows is None else max(task.rows, 1)
