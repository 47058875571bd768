"""TensorFlow Serving's monitoring config file: whether Prometheus may ask, and at which path.

  prometheus_config { enable: true, path: "/metrics" }

The messages are those of tensorflow_serving/config/monitoring_config.proto, which the API's wheel leaves out.
"""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format

from serving.server.protos import add_message, classes, new_file

DEFAULT_PATH = "/monitoring/prometheus/metrics"  # util/prometheus_exporter.cc

_FILE = new_file("tensorflow_serving/config/monitoring_config.proto", "tensorflow.serving")
add_message(_FILE, "PrometheusConfig", [("enable", 1, "bool"), ("path", 2, "string")])
add_message(_FILE, "MonitoringConfig", [("prometheus_config", 1, ".tensorflow.serving.PrometheusConfig")])
_MonitoringConfig = classes(_FILE)[1]["MonitoringConfig"]


def read_prometheus_path(file: Path) -> str | None:
    """Returns the path at which metrics are answered, None where the file does not enable them.

    Raises:
      ValueError: when the file is no MonitoringConfig in text form, naming it and the cause.
    """
    config = _MonitoringConfig()
    try:
        text_format.Parse(file.read_text(encoding="utf-8"), config)
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no MonitoringConfig in text form: {error}; docs/monitoring.md has one") from error
    path = config.prometheus_config.path or DEFAULT_PATH
    if not path.startswith("/"):
        raise ValueError(f"{file}: prometheus_config.path is {path!r}; it must begin with /")
    return path if config.prometheus_config.enable else None
