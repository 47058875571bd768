"""Metrics as Prometheus reads them: in TensorFlow Serving's own text, and in the plain one.

TensorFlow Serving's is util/prometheus_exporter.cc: a colon for each character of a name that Prometheus does not take,
braces also without labels, six significant digits, no HELP lines. One thing is ours: a line break in a label's value is
written as \\n, where TensorFlow Serving breaks the page in two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from serving.server.monitoring.metrics import Counter, Histogram, Registry

CONTENT_TYPE = "text/plain"


def tensorflow_text(registry: Registry) -> str:
    """Returns the page that TensorFlow Serving would write of these metrics."""
    lines: list[str] = []
    for family in registry:
        lines += _lines(family, _tensorflow_name(family.name), "{:g}".format)
    return "\n".join(lines) + "\n"


def prometheus_text(registry: Registry) -> str:
    """Returns the plain Prometheus text of these metrics, with HELP lines and every digit."""
    lines: list[str] = []
    for family in registry:
        lines.append(f"# HELP {family.name} {_escape_line(family.help)}")
        lines += _lines(family, family.name, "{!r}".format)
    return "\n".join(lines) + "\n"


def _lines(family: Counter | Histogram, name: str, shown: Callable[[float], str]) -> Iterator[str]:
    yield f"# TYPE {name} {family.kind}"
    names = [_label_name(label) for label in family.labels]
    if isinstance(family, Histogram):
        limits = [*map(shown, family.limits), "+Inf"]
        for values, held in family.series():
            labels = _labels(names, values)
            before, total = labels + "," * bool(labels), 0
            for limit, count in zip(limits, held.counts, strict=True):
                total += count
                yield f'{name}_bucket{{{before}le="{limit}"}} {total}'
            yield f"{name}_sum{{{labels}}} {shown(held.sum)}"
            yield f"{name}_count{{{labels}}} {total}"
    else:
        for values, value in family.series():
            yield f"{name}{{{_labels(names, values)}}} {value}"


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    return ",".join(f'{name}="{_escape_value(value)}"' for name, value in zip(names, values, strict=True))


def _escape_value(value: str) -> str:
    return _escape_line(value).replace('"', '\\"')


def _escape_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _label_name(name: str) -> str:
    return _not_a_digit_first(re.sub("[^a-zA-Z0-9]", "_", name))


def _tensorflow_name(name: str) -> str:
    return _not_a_digit_first(re.sub("[^a-zA-Z0-9_]", ":", name))


def _not_a_digit_first(name: str) -> str:
    return "_" + name if name[:1].isdigit() else name
