"""`align run --beam --flink-master`: laid over the config, filled in for our cluster, refused where nothing answers."""

from __future__ import annotations

import dataclasses
import json
import re
import socket

import pytest

from tfx_pipeline.settings import engine
from tfx_pipeline.settings.beam_config import BeamConfig
from tfx_pipeline.settings.config import Config, ConfigError
from tfx_pipeline.settings.engine import choose_engine


@pytest.fixture
def listening():
    """The address of a port of this machine on which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def silent():
    """The address of a port of this machine on which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def our_cluster(monkeypatch, tmp_path, listening):
    """What scripts/flink/cluster.py leaves, of a cluster whose job server listens."""
    path = tmp_path / "cluster.json"
    options = {"job_endpoint": listening, "environment_type": "LOOPBACK", "parallelism": 2}
    path.write_text(json.dumps({"flink_master": "127.0.0.1:8081", "beam_options": options}), encoding="utf-8")
    monkeypatch.setattr(engine, "OUR_CLUSTER", path)
    return options


@pytest.fixture
def no_cluster(monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "OUR_CLUSTER", tmp_path / "cluster.json")


def with_beam(runner: str, options: dict) -> Config:
    return dataclasses.replace(Config(), beam=BeamConfig(runner, options))


def test_without_options_the_config_stays_as_it_is(our_cluster):
    config = with_beam("direct", {"direct_num_workers": 2})
    assert choose_engine(config, None, None) == config


def test_the_cluster_of_make_flink_needs_its_address_alone(our_cluster):
    chosen = choose_engine(Config(), "flink", "127.0.0.1:8081").beam
    assert chosen == BeamConfig("flink", {"flink_master": "127.0.0.1:8081", **our_cluster})


def test_what_the_config_says_of_our_cluster_stands(our_cluster):
    config = with_beam("flink", {"flink_master": "http://127.0.0.1:8081", "parallelism": 1})
    assert choose_engine(config, None, None).beam.options["parallelism"] == 1
    assert choose_engine(config, None, None).beam.options["job_endpoint"] == our_cluster["job_endpoint"]


def test_of_another_cluster_nothing_is_filled_in(our_cluster, listening):
    assert choose_engine(Config(), "flink", listening).beam == BeamConfig("flink", {"flink_master": listening})


def test_behind_a_job_server_the_cluster_need_not_be_in_reach(no_cluster, listening, silent):
    options = {"flink_master": silent, "job_endpoint": listening}
    assert choose_engine(with_beam("flink", options), None, None).beam.options == options


def test_the_command_overrides_the_runner(no_cluster):
    config = with_beam("portable", {"job_endpoint": "localhost:1"})
    assert choose_engine(config, "direct", None).beam.runner == "direct"


def test_an_embedded_flink_is_not_asked(no_cluster):
    assert choose_engine(Config(), "flink", "[local]").beam.options == {"flink_master": "[local]"}


@pytest.mark.parametrize(
    ("runner", "flink_master", "sentence"),
    [
        (
            None,
            "127.0.0.1:8081",
            "--flink-master is '127.0.0.1:8081' but the runner is 'direct'; give --beam flink too",
        ),
        ("flink", None, "--beam flink needs to know the cluster; give --flink-master HOST:PORT"),
        ("flnk", None, "beam.runner is 'flnk'; it must be one of direct, flink, portable, dataflow"),
        ("flink", "8081", "beam.options.flink_master is '8081'; give HOST:PORT"),
        ("dataflow", None, "beam.runner is 'dataflow' but beam.options lacks project, region, temp_location"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(no_cluster, runner, flink_master, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        choose_engine(Config(), runner, flink_master)


def test_a_cluster_that_does_not_answer_is_refused_before_anything_starts(no_cluster, silent):
    sentence = f"beam.options.flink_master is '{silent}', where nothing answers (Connection refused); start the cluster"
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        choose_engine(Config(), "flink", silent)


def test_a_job_server_that_does_not_answer_is_refused(no_cluster, silent):
    with pytest.raises(ConfigError, match=re.escape(f"beam.options.job_endpoint is '{silent}', where nothing answers")):
        choose_engine(with_beam("portable", {"job_endpoint": silent}), None, None)
