"""What TensorFlow Serving measures, as Prometheus reads it: names, labels and buckets."""

from __future__ import annotations

import re

from serving.conformance.check import METRICS, REST, Checks, Differs, expect_equal, shown
from serving.conformance.target import METRICS_PATH, NOWHERE, Target, refused
from serving.signatures import ENCODE_TEXT, TEXT

CHECKS = Checks()
_UTIL, _EXPORTER = "servables/tensorflow/util.cc", "util/prometheus_exporter.cc"
_PREFIX = ":tensorflow:serving:"
_LINE = r'# (TYPE|HELP) .*|[a-zA-Z_:][\w:]*(\{([a-zA-Z_]\w*="(\\.|[^"\\])*",?)*\})? \S+'


def _value(target: Target, metric: str) -> float:
    """Returns a metric's value, 0 where it is not there yet."""
    for line in target.http("GET", METRICS_PATH).text.splitlines():
        name, _, value = line.rpartition(" ")
        if name == metric:
            return float(value)
    return 0.0


def _grows(target: Target, metric: str, by: int) -> None:
    before = _value(target, metric)
    for _ in range(by):
        target.predict(ENCODE_TEXT, TEXT, [b"cat"])
    grown = _value(target, metric) - before
    if grown < by:  # others may ask at the same time
        raise Differs(f"{metric} grew by {grown:g} over {by} requests")


@CHECKS.add("metrics: the page is plain text", _EXPORTER, METRICS)
def _plain(target: Target) -> None:
    answer = target.http("GET", METRICS_PATH)
    expect_equal(answer.headers.get("content-type", "").partition(";")[0], "text/plain", "the content type")
    wrong = [line for line in answer.text.splitlines() if line and not re.fullmatch(_LINE, line)]
    if wrong:
        raise Differs(f"a line that is no sample: {shown(wrong[0])}")


@CHECKS.add("metrics: requests are counted by model and status", _UTIL, METRICS)
def _counts(target: Target) -> None:
    _grows(target, f'{_PREFIX}request_count{{model_name="{target.model}",status="OK"}}', by=3)
    missed = f'{_PREFIX}request_count{{model_name="{NOWHERE}",status="NOT_FOUND"}}'
    before = _value(target, missed)
    refused(target.prediction.Predict, target.request(ENCODE_TEXT, NOWHERE, text=[b"cat"]))
    expect_equal(_value(target, missed) > before, True, f"{missed} grows")


@CHECKS.add("metrics: latencies have the model, the API and where it was asked", _UTIL, METRICS)
def _latencies(target: Target) -> None:
    of = f'model_name="{target.model}",API='
    _grows(target, f'{_PREFIX}request_latency_count{{{of}"Predict",entrypoint="GRPC"}}', by=2)
    _grows(target, f'{_PREFIX}runtime_latency_count{{{of}"Predict",runtime="TF1"}}', by=1)


@CHECKS.add("metrics: a request over HTTP is measured as REST", "model_servers/http_server.cc", METRICS, REST)
def _over_rest(target: Target) -> None:
    metric = f'{_PREFIX}request_latency_count{{model_name="{target.model}",API="predict",entrypoint="REST"}}'
    before = _value(target, metric)
    target.http("POST", target.path(":predict"), {"signature_name": ENCODE_TEXT, "instances": ["cat"]})
    expect_equal(_value(target, metric) > before, True, f"{metric} grows")


@CHECKS.add("metrics: latencies have 33 buckets from 10 us on, each 1.8 times the last", _UTIL, METRICS)
def _buckets(target: Target) -> None:
    target.predict(ENCODE_TEXT, TEXT, [b"cat"])
    start = f'{_PREFIX}request_latency_bucket{{model_name="{target.model}",API="Predict",entrypoint="GRPC",le="'
    lines = [line for line in target.http("GET", METRICS_PATH).text.splitlines() if line.startswith(start)]
    bounds = [line[len(start) :].partition('"')[0] for line in lines]
    expect_equal(bounds, [*(f"{10 * 1.8**place:g}" for place in range(33)), "+Inf"], "the bounds")
    counts = [int(line.rpartition(" ")[2]) for line in lines]
    expect_equal(counts, sorted(counts), "the counts, which only rise")
    text = target.http("GET", METRICS_PATH).text
    expect_equal(f"# TYPE {_PREFIX}request_latency histogram" in text, True, "the type's line")
