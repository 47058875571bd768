"""TensorFlow Serving's monitoring config file, as its text stands in a file."""

import pytest

from serving.server.monitoring.config_file import read_prometheus_path


def path_in(tmp_path, text):
    file = tmp_path / "monitoring.config"
    file.write_text(text)
    return read_prometheus_path(file)


def test_metrics_are_where_the_file_says(tmp_path):
    assert path_in(tmp_path, 'prometheus_config { enable: true, path: "/metrics" }') == "/metrics"


def test_without_a_path_they_are_at_tensorflow_servings(tmp_path):
    assert path_in(tmp_path, "prometheus_config: {\n  enable: true\n}\n") == "/monitoring/prometheus/metrics"


@pytest.mark.parametrize("text", ["", "prometheus_config {}", 'prometheus_config { path: "/metrics" }'])
def test_a_file_that_does_not_enable_them_gives_none(tmp_path, text):
    assert path_in(tmp_path, text) is None


def test_a_file_of_another_kind_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"monitoring.config is no MonitoringConfig.*model_config_list"):
        path_in(tmp_path, "model_config_list {}")


def test_a_path_that_no_request_can_have_is_refused(tmp_path):
    with pytest.raises(ValueError, match="path is 'metrics'; it must begin with /"):
        path_in(tmp_path, 'prometheus_config { enable: true, path: "metrics" }')
