"""Counters, gauges and histograms of one server; safe to change from many threads.

Nothing here is global: two servers in one process count apart.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

MAX_SERIES = 10_000  # label sets of one metric; names come from clients, and memory must not grow with what they send
OTHER = "other"  # every label of the one series that takes what comes after them

Value = TypeVar("Value")
FindBucket = Callable[[Sequence[float], float], int]


def exponential(scale: float, growth: float, count: int) -> tuple[float, ...]:
    """Returns `count` upper limits, the first `scale`, each `growth` times the one before.

    They are multiplied one after the other, as tensorflow/core/lib/monitoring/sampler.cc does, so that the last digits
    agree.
    """
    limits = [scale]
    for _ in range(count - 1):
        limits.append(limits[-1] * growth)
    return tuple(limits)


class Family(Generic[Value]):
    """The series of one metric, by the values of its labels."""

    kind: str

    def __init__(self, name: str, help: str, labels: Sequence[str]) -> None:
        self.name = name
        self.help = help
        self.labels = tuple(labels)
        self._lock = threading.Lock()
        self._values: dict[tuple[str, ...], Value] = {}

    def drop(self, **labels: object) -> None:
        """Forget each series that has all of these label values."""
        wanted = [(self.labels.index(label), str(value)) for label, value in labels.items()]
        with self._lock:
            for key in [key for key in self._values if all(key[place] == value for place, value in wanted)]:
                del self._values[key]

    def series(self) -> list[tuple[tuple[str, ...], Value]]:
        """Returns (label values, a copy of the value) of each series, in the order of their label values."""
        with self._lock:
            return sorted(((key, self._copy(value)) for key, value in self._values.items()), key=lambda pair: pair[0])

    def _key(self, values: Sequence[object]) -> tuple[str, ...]:
        """Returns the series of these label values, or the one for all others once there are too many."""
        key = tuple(map(_label, values))
        if len(key) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}; {key} does not fill them")
        if key not in self._values and len(self._values) >= MAX_SERIES:
            return (OTHER,) * len(key)
        return key

    @staticmethod
    def _copy(value: Value) -> Value:
        return value


def _label(value: object) -> str:
    """Returns a label's value as text that can be written; of a client's name that is no UTF-8, the rest of it."""
    text = str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class Counter(Family[float]):
    """A number per series that only grows.

    Examples:
      >>> requests = Counter("requests", "Requests.", ("model",))
      >>> requests.add("align"), requests.add("align", by=2), requests.series()
      (None, None, [(('align',), 3)])
    """

    kind = "counter"

    def add(self, *labels: object, by: float = 1) -> None:
        """Add to the series with these label values, in the order of the metric's labels."""
        with self._lock:
            key = self._key(labels)
            self._values[key] = self._values.get(key, 0) + by


class Gauge(Counter):
    """A number per series that rises and falls (`add` takes a negative `by`), or is set."""

    kind = "gauge"

    def set(self, value: float, *labels: object) -> None:
        """Set the series with these label values."""
        with self._lock:
            self._values[self._key(labels)] = value


@dataclass
class Distribution:
    """What one series of a histogram holds: counts per bucket (the last one has no limit) and the sum of all values."""

    counts: list[int]
    sum: float = 0.0


class Histogram(Family[Distribution]):
    """How values are spread over buckets.

    Args:
      limits: upper limits of the buckets, ascending; one bucket more takes what lies beyond the last.
      find_bucket: `bisect_left` where a value that equals a limit lies below it, as Prometheus has it; `bisect_right`
        where it lies above, as TensorFlow's histogram.cc has it.
    """

    kind = "histogram"

    def __init__(
        self, name: str, help: str, labels: Sequence[str], limits: Sequence[float], find_bucket: FindBucket
    ) -> None:
        super().__init__(name, help, labels)
        self.limits = tuple(limits)
        self._find_bucket = find_bucket

    def observe(self, value: float, *labels: object) -> None:
        """Put a value into the series with these label values."""
        bucket = self._find_bucket(self.limits, value)
        with self._lock:
            key = self._key(labels)
            held = self._values.get(key)
            if held is None:
                held = self._values[key] = Distribution([0] * (len(self.limits) + 1))
            held.counts[bucket] += 1
            held.sum += value

    @staticmethod
    def _copy(value: Distribution) -> Distribution:
        return Distribution(list(value.counts), value.sum)


class Registry:
    """The metrics that are shown on one page.

    Args:
      find_bucket: of its histograms; see Histogram.

    Examples:
      >>> registry = Registry()
      >>> hits = registry.counter("hits", "Hits.", "model")
      >>> [family.name for family in registry]
      ['hits']
    """

    def __init__(self, find_bucket: FindBucket = bisect_left) -> None:
        self._find_bucket = find_bucket
        self._families: dict[str, Counter | Histogram] = {}

    def counter(self, name: str, help: str, *labels: str) -> Counter:
        """Returns a new counter of this registry."""
        counter = self._families[name] = Counter(name, help, labels)
        return counter

    def gauge(self, name: str, help: str, *labels: str) -> Gauge:
        """Returns a new gauge of this registry."""
        gauge = self._families[name] = Gauge(name, help, labels)
        return gauge

    def histogram(self, name: str, help: str, *labels: str, limits: Sequence[float]) -> Histogram:
        """Returns a new histogram of this registry with buckets up to each of `limits`."""
        histogram = self._families[name] = Histogram(name, help, labels, limits, self._find_bucket)
        return histogram

    def __iter__(self) -> Iterator[Counter | Histogram]:
        """Each metric, in the order of the names."""
        return iter([self._families[name] for name in sorted(self._families)])
