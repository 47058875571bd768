"""What a server measures of itself: the one object that core and every protocol tell what happened.

Each number goes into two registries: under TensorFlow Serving's names, labels and buckets, so that its dashboards go
on, and under `align_serving_...` by model, version and signature, which TensorFlow Serving's lack.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from serving.server.monitoring import exposition
from serving.server.monitoring.metrics import Counter, Histogram, Registry, exponential
from serving.server.refusal import Refusal

KEPT_UNLOADED = 4  # versions of a model whose numbers stay after they are unloaded, so that the next scrape has them
_LATENCY = exponential(10, 1.8, 33)  # microseconds, to about 20 minutes; servables/tensorflow/util.cc
_QUEUING = exponential(100, 1.2, 52)  # microseconds, to about 1 second; batching/batching_session.cc
_SIZES = exponential(1, 2, 14)  # rows; batching/batching_util.h
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_VERSION = ("model", "version", "signature")


@dataclass
class Request:
    """One request while it is in work; what its protocol learns of it is written here.

    Attributes:
      version: the version that answers; None until it is known.
      signature: the signature's name; "" until it is known.
      rows: rows of the batch dimension; None where there is none.
    """

    version: int | None = None
    signature: str = ""
    rows: int | None = None


class Monitoring:
    """The metrics of one server.

    Examples:
      >>> monitoring = Monitoring()
      >>> with monitoring.request(api="Predict", entrypoint="GRPC", model="align") as request:
      ...     request.version, request.signature, request.rows = 3, "encode_text", 8
      >>> ':tensorflow:serving:request_count{model_name="align",status="OK"} 1' in monitoring.page()
      True
    """

    def __init__(self) -> None:
        theirs, ours = Registry(find_bucket=bisect_right), Registry()
        self._theirs, self._ours = theirs, ours
        self._unloaded: defaultdict[str, deque[int]] = defaultdict(deque)

        # tensorflow/serving, servables/tensorflow/util.cc
        self._request_count = theirs.counter(
            "/tensorflow/serving/request_count", "The total number of requests.", "model_name", "status"
        )
        self._request_latency = theirs.histogram(
            "/tensorflow/serving/request_latency",
            "Distribution of wall time (in microseconds) for Tensorflow Serving request.",
            *("model_name", "API", "entrypoint"),
            limits=_LATENCY,
        )
        self._runtime_latency = theirs.histogram(
            "/tensorflow/serving/runtime_latency",
            "Distribution of wall time (in microseconds) for Tensorflow runtime.",
            *("model_name", "API", "runtime"),
            limits=_LATENCY,
        )
        self._example_counts = theirs.histogram(
            "/tensorflow/serving/request_example_counts",
            "The number of tensorflow.Examples per request.",
            "model",
            limits=exponential(1, 2, 15),
        )
        self._example_total = theirs.counter(
            "/tensorflow/serving/request_example_count_total", "The total number of tensorflow.Examples.", "model"
        )
        # servables/tensorflow/saved_model_warmup_util.cc
        self._warmup_latency = theirs.histogram(
            "/tensorflow/serving/model_warmup_latency",
            "Distribution of wall time (in microseconds) for warming up the model.",
            *("model_path", "status"),
            limits=_LATENCY,
        )
        self._warmup_records = theirs.counter(
            "/tensorflow/serving/model_warmup_records_read",
            "Total number of warmup records read during model warmup.",
            *("model_path", "status"),
        )
        # batching/batching_session.cc and batching/batching_util.h
        self._queuing_latency = theirs.histogram(
            "/tensorflow/serving/batching_session/queuing_latency",
            "Distribution of wall time spent (in microseconds) in queuing",
            "thread_pool_name",
            limits=_QUEUING,
        )
        self._wrapped_runs = theirs.counter(
            "/tensorflow/serving/batching_session/wrapped_run_count", "Total count of run calls on the wrapped session"
        )
        self._padding_size = theirs.histogram(
            "/tensorflow/serving/batching_session/padding_size",
            "Tracks the padding size distribution on batches.",
            "execution_batch_size",
            limits=_SIZES,
        )
        self._input_size = theirs.histogram(
            "/tensorflow/serving/batching_session/input_batch_size",
            "Tracks the batch size distribution on the inputs.",
            limits=_SIZES,
        )
        self._processed_size = theirs.histogram(
            "/tensorflow/serving/batching_session/processed_batch_size",
            "Tracks the batch size distribution on processing.",
            limits=_SIZES,
        )
        # tensorflow/cc/saved_model/loader.cc; its latency is a counter of microseconds, of failed loads too
        self._load_attempts = theirs.counter(
            "/tensorflow/cc/saved_model/load_attempt_count",
            "The number of times a SavedModel was successfully loaded.",
            *("model_path", "status"),
        )
        self._load_latency = theirs.counter(
            "/tensorflow/cc/saved_model/load_latency",
            "Latency in microseconds for SavedModels that were successfully loaded.",
            "model_path",
        )

        self._requests = ours.counter(
            "align_serving_requests_total", "Requests answered or refused.", *_VERSION, "api", "entrypoint", "code"
        )
        self._seconds = self._of_version("request_seconds", "From receiving a request to its answer.", _SECONDS)
        self._rows = self._of_version("request_rows", "Rows of an answered request.", _ROWS)
        self._run_seconds = self._of_version("run_seconds", "Time of one batch in the model.", _SECONDS)
        self._batch_rows = self._of_version("batch_rows", "Rows of one batch.", _ROWS)
        self._batch_requests = self._of_version("batch_requests", "Requests that shared one batch.", _ROWS)
        self._queue_seconds = self._of_version("queue_seconds", "Time that a request waited for its batch.", _SECONDS)
        self._queue_length = ours.gauge("align_serving_queue_length", "Requests that wait for a batch.", *_VERSION)
        self._in_progress = ours.gauge("align_serving_requests_in_progress", "Requests in work.", "entrypoint")
        self._loaded = ours.gauge("align_serving_loaded_versions", "1 for each loaded version.", "model", "version")
        self._loads = ours.counter(
            "align_serving_loads_total", "Loads of a version, also repeated ones.", "model", "version", "status"
        )
        self._load_seconds = ours.gauge(
            "align_serving_load_seconds", "Time of the last load of a version, warm-up included.", "model", "version"
        )

    @contextmanager
    def request(self, *, api: str, entrypoint: str, model: str) -> Iterator[Request]:
        """Count and time one request; a Refusal that leaves the block gives its code, any other exception UNKNOWN.

        Args:
          api: "Predict", "Classify", ...; over REST the method as it stands in the path, as TensorFlow Serving has it.
          entrypoint: "GRPC", "REST", or "V2" for the Open Inference Protocol.
          model: the model's name as the request has it.
        """
        request, code = Request(), grpc.StatusCode.UNKNOWN
        start = time.perf_counter()
        self._in_progress.add(entrypoint)
        try:
            yield request
            code = grpc.StatusCode.OK
        except Refusal as refusal:
            code = refusal.code
            raise
        finally:
            seconds = time.perf_counter() - start
            self._in_progress.add(entrypoint, by=-1)
            labels = (model, "" if request.version is None else request.version, request.signature)
            self._request_count.add(model, code.name)
            self._requests.add(*labels, api, entrypoint, code.name)
            if code is grpc.StatusCode.OK:
                self._request_latency.observe(_microseconds(seconds), model, api, entrypoint)
                self._seconds.observe(seconds, *labels)
                if request.rows is not None:
                    self._rows.observe(request.rows, *labels)

    def examples(self, *, model: str, count: int) -> None:
        """A Classify, Regress or MultiInference request brought `count` Examples."""
        self._example_counts.observe(count, model)
        self._example_total.add(model, by=count)

    def queue_changed(self, *, model: str, version: int, signature: str, waiting: int) -> None:
        """So many requests wait for a batch now."""
        self._queue_length.set(waiting, model, version, signature)

    def batch(
        self,
        *,
        model: str,
        version: int,
        signature: str,
        rows: Sequence[int],
        waited_s: Sequence[float],
        run_s: float,
        padding: int = 0,
        api: str = "Predict",
        thread_pool_name: str = "",
    ) -> None:
        """One batch ran.

        Args:
          model, version, signature: what ran.
          rows: rows of each request of the batch.
          waited_s: seconds that each of them had waited.
          run_s: seconds in the model.
          padding: rows that were added to fill a size.
          api: the API that TensorFlow Serving would name.
          thread_pool_name: from the batching parameters file.
        """
        labels, size = (model, version, signature), sum(rows)
        self._wrapped_runs.add()
        self._padding_size.observe(padding, size + padding)
        self._processed_size.observe(size + padding)
        self._run_seconds.observe(run_s, *labels)
        self._batch_rows.observe(size, *labels)
        self._batch_requests.observe(len(rows), *labels)
        for count, waited in zip(rows, waited_s, strict=True):
            self._input_size.observe(count)
            self._queuing_latency.observe(_microseconds(waited), thread_pool_name)
            self._runtime_latency.observe(_microseconds(waited + run_s), model, api, "TF1")  # its session's run queues
            self._queue_seconds.observe(waited, *labels)

    def load_ended(self, *, model: str, version: int, path: Path | str, seconds: float, succeeded: bool) -> None:
        """A version was loaded from `path`, or could not be."""
        status = "success" if succeeded else "fail"
        self._load_attempts.add(path, status)
        self._load_latency.add(path, by=_microseconds(seconds))
        self._loads.add(model, version, status)
        self._load_seconds.set(seconds, model, version)
        if succeeded:
            self._loaded.set(1, model, version)

    def warm_up_ended(self, *, path: Path | str, seconds: float, records: int, code: grpc.StatusCode) -> None:
        """The warm-up requests of the version at `path` were read and run, the last of them with `code`."""
        self._warmup_latency.observe(_microseconds(seconds), path, code.name)
        self._warmup_records.add(path, code.name, by=records)

    def unloaded(self, *, model: str, version: int) -> None:
        """A version is gone; its numbers stay until KEPT_UNLOADED others of the model went after it."""
        self._loaded.drop(model=model, version=version)
        self._queue_length.drop(model=model, version=version)
        gone = self._unloaded[model]
        if version in gone:
            gone.remove(version)
        gone.append(version)
        if len(gone) > KEPT_UNLOADED:
            oldest = gone.popleft()
            for family in self._ours:
                if "version" in family.labels:
                    family.drop(model=model, version=oldest)

    def first_value(self, name: str) -> int:
        """Returns the first series' number of one of TensorFlow Serving's counters, 0 where there is none.

        HandleReloadConfigRequest asks by such a name, e.g. /tensorflow/serving/request_count (model_service_impl.cc).
        """
        for family in self._theirs:
            if family.name == name and isinstance(family, Counter):
                return int(next((value for _, value in family.series()), 0))
        return 0

    def page(self) -> str:
        """Returns all of it as Prometheus reads it."""
        return exposition.tensorflow_text(self._theirs) + exposition.prometheus_text(self._ours)

    def _of_version(self, name: str, help: str, limits: Sequence[float]) -> Histogram:
        return self._ours.histogram(f"align_serving_{name}", help, *_VERSION, limits=limits)


def _microseconds(seconds: float) -> int:
    return max(0, int(seconds * 1e6))
