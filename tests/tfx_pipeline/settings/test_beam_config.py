"""The `beam` section: what each runner cannot start without is asked for, what it cannot reach is refused."""

from __future__ import annotations

import re

import apache_beam as beam
import pytest
from apache_beam.runners.portability.prism_runner import PrismRunner
from hypothesis import given
from hypothesis import strategies as st
from tfx.utils.dependency_utils import make_beam_dependency_flags

from components.pair_example_gen.storage.file_systems import local_pipeline
from tfx_pipeline.settings.beam_config import BeamConfig, host_and_port

FLINK = {"flink_master": "127.0.0.1:8081"}
DATAFLOW = {"project": "mine", "region": "europe-west1", "temp_location": "gs://mine/tmp"}


@pytest.mark.parametrize(
    ("runner", "options"),
    [
        ("flink", FLINK),
        ("flink", {"flink_master": "http://flink-rest.flink:8081/"}),
        ("flink", {"flink_master": "https://[::1]:443"}),
        ("flink", {"flink_master": "[local]"}),
        ("flink", {**FLINK, "job_endpoint": "localhost:8099", "environment_type": "LOOPBACK"}),
        ("flink", {**FLINK, "environment_type": "EXTERNAL", "environment_config": "localhost:50000"}),
        ("portable", {"job_endpoint": "spark-job-server:8099"}),
        ("portable", {"job_endpoint": "embed"}),
        ("dataflow", DATAFLOW),
        ("dataflow", {**DATAFLOW, "staging_location": "gs://mine/staging", "environment_type": "PROCESS"}),
    ],
)
def test_what_a_runner_needs_is_enough(runner, options):
    assert BeamConfig(runner, options).pipeline_args()[0].startswith("--runner=")


@pytest.mark.parametrize(
    ("runner", "options", "sentence"),
    [
        ("flink", {}, "beam.runner is 'flink' but beam.options lacks flink_master; set them"),
        ("portable", FLINK, "beam.runner is 'portable' but beam.options lacks job_endpoint; set them"),
        ("dataflow", {"project": "mine", "region": ""}, "beam.options lacks region, temp_location; set them"),
        ("flink", {"flink_master": "flink"}, "flink_master is 'flink'; give HOST:PORT, such as 127.0.0.1:8081"),
        ("flink", {"flink_master": 8081}, "flink_master is 8081; give HOST:PORT"),
        ("flink", {"flink_master": "flink:80810"}, "flink_master is 'flink:80810'; give HOST:PORT"),
        ("flink", {"flink_master": "ftp://flink:8081"}, "give HOST:PORT"),
        ("flink", {**FLINK, "job_endpoint": "localhost"}, "job_endpoint is 'localhost'; give HOST:PORT"),
        ("portable", {"job_endpoint": "localhost:0"}, "job_endpoint is 'localhost:0'; give HOST:PORT"),
        (
            "flink",
            {**FLINK, "environment_type": "PROCESS"},
            "environment_type is 'PROCESS' but beam.options lacks environment_config; set it",
        ),
        ("dataflow", {**DATAFLOW, "temp_location": "/tmp"}, "temp_location is '/tmp', which Dataflow's workers cannot"),
        ("dataflow", {**DATAFLOW, "staging_location": "s3://a"}, "staging_location is 's3://a', which Dataflow's"),
    ],
)
def test_what_could_not_run_is_one_sentence(runner, options, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        BeamConfig(runner, options)
    assert "\n" not in str(caught.value)


@given(st.from_regex(r"[a-z0-9.-]{1,20}", fullmatch=True), st.integers(1, 65535), st.sampled_from(["", "http://"]))
def test_an_address_is_read_as_it_was_written(host, port, scheme):
    assert host_and_port("flink_master", f"{scheme}{host}:{port}") == (host, port)


def test_the_options_of_file_systems_stand_apart():
    options = {"hdfs_port": 9870, "s3_disable_ssl": True, "direct_num_workers": 2, "s3_endpoint_url": "http://x"}
    assert BeamConfig(options=options).file_system_args() == [
        "--hdfs_port=9870",
        "--s3_disable_ssl",
        "--s3_endpoint_url=http://x",
    ]


def test_tfx_packs_itself_only_for_workers_of_other_machines():
    def packs(config: BeamConfig) -> bool:
        flags = make_beam_dependency_flags(config.pipeline_args())
        return any(flag.startswith("--extra_package=") for flag in flags)

    two_processes = {"direct_running_mode": "multi_processing", "direct_num_workers": 2}
    assert not packs(BeamConfig(options=two_processes))
    job_server = {"job_endpoint": "localhost:8099"}
    assert packs(BeamConfig("portable", job_server))
    assert not packs(BeamConfig("portable", {**job_server, "sdk_container_image": "image"}))
    assert not packs(BeamConfig())
    given = BeamConfig(options={**two_processes, "sdk_container_image": "image"}).pipeline_args()
    assert given[1:] == [
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
        "--sdk_container_image=image",
        "--allow_unsafe_triggers",
    ]


@pytest.mark.parametrize(
    ("make_pipeline", "is_asked_for"),
    [
        (lambda: beam.Pipeline(argv=BeamConfig().pipeline_args()), False),
        (lambda: local_pipeline([]), False),
        (lambda: beam.Pipeline(argv=[]), True),  # once this fails, Beam no longer needs to be kept from it
    ],
    ids=["align run", "align filter", "Beam by itself"],
)
def test_no_job_of_ours_asks_for_a_program_to_download(make_pipeline, is_asked_for, monkeypatch):
    asked = []

    def refuse(*_: object) -> None:
        asked.append(True)
        raise OSError("there is no way out of here")

    monkeypatch.setattr(PrismRunner, "run_pipeline", refuse)
    with make_pipeline() as pipeline:
        _ = pipeline | beam.Create([1, 2]) | beam.Reshuffle() | beam.Map(str)
    assert bool(asked) == is_asked_for
