"""The pages that Prometheus reads, line by line.

The expected lines of TensorFlow's text are the facts of util/prometheus_exporter_test.cc in tensorflow/serving.
"""

from bisect import bisect_right

from serving.server.monitoring.exposition import prometheus_text, tensorflow_text
from serving.server.monitoring.metrics import Registry, exponential


def test_a_counter_as_tensorflow_serving_writes_it():
    registry = Registry()
    registry.counter("/test/path/total", "A counter.", "name").add("abc", by=2)
    assert tensorflow_text(registry) == '# TYPE :test:path:total counter\n:test:path:total{name="abc"} 2\n'


def test_a_gauge_as_tensorflow_serving_writes_it():
    registry = Registry()
    registry.gauge("/test/path/gauge", "A gauge.", "x", "y").set(5, "abc", "def")
    assert tensorflow_text(registry) == '# TYPE :test:path:gauge gauge\n:test:path:gauge{x="abc",y="def"} 5\n'


def test_a_histogram_as_tensorflow_serving_writes_it():
    registry = Registry(find_bucket=bisect_right)
    histogram = registry.histogram("/test/path/histogram", "A histogram.", "status", limits=exponential(1, 2, 10))
    for value in (2, 20, 200):
        histogram.observe(value, "good")
    counts = {"1": 0, "2": 0, "4": 1, "8": 1, "16": 1, "32": 2, "64": 2, "128": 2, "256": 3, "512": 3, "+Inf": 3}
    assert tensorflow_text(registry).splitlines() == [
        "# TYPE :test:path:histogram histogram",
        *(f':test:path:histogram_bucket{{status="good",le="{limit}"}} {count}' for limit, count in counts.items()),
        ':test:path:histogram_sum{status="good"} 222',
        ':test:path:histogram_count{status="good"} 3',
    ]


def test_names_and_values_that_prometheus_does_not_take_are_written_as_tensorflow_serving_does():
    registry = Registry()
    registry.counter("0/path-total_count", "A counter.", "my-name+1").add('"abc\\"', by=2)
    assert tensorflow_text(registry) == (
        '# TYPE _0:path:total_count counter\n_0:path:total_count{my_name_1="\\"abc\\\\\\""} 2\n'
    )


def test_a_metric_without_labels_has_empty_braces_and_one_without_values_has_its_type_alone():
    registry = Registry()
    registry.counter("/b", "Counted.").add()
    registry.counter("/a", "Never counted.", "model")
    assert tensorflow_text(registry) == "# TYPE :a counter\n# TYPE :b counter\n:b{} 1\n"


def test_sums_have_six_digits_in_tensorflows_text_and_all_of_them_in_ours():
    registry = Registry()
    registry.histogram("seconds", "Time.\nAll of it.", limits=(0.5,)).observe(1234567.25)
    assert "seconds_sum{} 1.23457e+06\n" in tensorflow_text(registry)
    assert prometheus_text(registry).splitlines() == [
        "# HELP seconds Time.\\nAll of it.",
        "# TYPE seconds histogram",
        'seconds_bucket{le="0.5"} 0',
        'seconds_bucket{le="+Inf"} 1',
        "seconds_sum{} 1234567.25",
        "seconds_count{} 1",
    ]


def test_a_line_break_in_a_clients_name_does_not_break_the_page():
    registry = Registry()
    registry.counter("requests", "Requests.", "model").add("a\nb 1")
    assert tensorflow_text(registry).splitlines()[1:] == ['requests{model="a\\nb 1"} 1']
