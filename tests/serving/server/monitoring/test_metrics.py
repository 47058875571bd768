"""Counters, gauges and histograms: what they count, and that threads lose nothing."""

from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor

import pytest

from serving.server.monitoring import metrics
from serving.server.monitoring.metrics import Counter, Distribution, Gauge, Histogram, Registry, exponential


def test_exponential_limits_are_tensorflow_servings():
    limits = exponential(10, 1.8, 33)  # request_latency: 10 us to about 20 minutes
    assert limits[:4] == pytest.approx([10, 18, 32.4, 58.32])
    assert len(limits) == 33
    assert 20 * 60 * 1e6 < limits[-1] < 30 * 60 * 1e6


def test_a_value_that_equals_a_limit_is_below_it_for_prometheus_and_above_it_for_tensorflow():
    (_, ours), (_, theirs) = (
        (histogram.observe(2), histogram.series()[0])[1]
        for histogram in (
            Registry().histogram("h", "", limits=(1, 2, 4)),
            Histogram("h", "", (), (1, 2, 4), bisect_right),
        )
    )
    assert ours == Distribution([0, 1, 0, 0], 2)
    assert theirs == Distribution([0, 0, 1, 0], 2)


def test_a_gauge_rises_falls_and_is_set():
    gauge = Gauge("g", "", ("model",))
    gauge.add("a", by=3)
    gauge.add("a", by=-1)
    gauge.set(7, "b")
    assert gauge.series() == [(("a",), 2), (("b",), 7)]


def test_threads_lose_no_count():
    counter, histogram = Counter("c", "", ("n",)), Histogram("h", "", (), (1, 2), bisect_right)

    def count(worker):
        for value in range(1000):
            counter.add(worker % 2)
            histogram.observe(value % 3)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(8)))
    assert counter.series() == [(("0",), 4000), (("1",), 4000)]
    ((_, held),) = histogram.series()
    assert sum(held.counts) == 8000
    assert held.sum == 8 * sum(value % 3 for value in range(1000))


def test_names_that_clients_make_up_do_not_grow_the_memory(monkeypatch):
    monkeypatch.setattr(metrics, "MAX_SERIES", 3)
    counter = Counter("c", "", ("model", "status"))
    for name in range(10):
        counter.add(name, "NOT_FOUND")
    assert counter.series() == [*(((str(name), "NOT_FOUND"), 1) for name in range(3)), (("other", "other"), 7)]


def test_a_name_that_is_no_utf8_can_be_written():
    counter = Counter("c", "", ("model",))
    for name in ("\udcff\udcfe", "é"):
        counter.add(name)
    assert counter.series() == [(("??",), 1), (("é",), 1)]


def test_series_are_dropped_by_label():
    counter = Counter("c", "", ("model", "version"))
    for model, version in (("a", 1), ("a", 2), ("b", 1)):
        counter.add(model, version)
    counter.drop(model="a", version=1)
    assert [key for key, _ in counter.series()] == [("a", "2"), ("b", "1")]


def test_labels_that_do_not_fill_the_metric_are_refused():
    with pytest.raises(ValueError, match=r"c has the labels \('model',\)"):
        Counter("c", "", ("model",)).add()
