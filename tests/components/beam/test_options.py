"""Beam options are held against Beam's own parser: each of its flags passes, what would be lost is refused."""

from __future__ import annotations

import re

import pytest
from apache_beam.options.pipeline_options import DebugOptions, PipelineOptions, WorkerOptions

from components.beam.arguments import spell
from components.beam.options import check_beam_options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("direct_num_workers", 2),
        ("direct_num_workers", "2"),
        ("no_use_public_ips", True),
        ("use_public_ips", True),
        ("worker_machine_type", "n2-standard-8"),
        ("machine_type", "n2-standard-8"),
        ("experiment", "use_runner_v2"),
        ("experiments", "use_runner_v2,shuffle_mode=service"),
        ("experiments", ("use_runner_v2", "shuffle_mode=service")),
        ("experiments", ("only one",)),
        ("labels", ("team=vision", "team=vision")),
        ("job-server-timeout", 60),
        ("pubsub_root_url", "http://localhost"),
        ("sdk_harness_log_level_overrides", '{"apache_beam": "DEBUG"}'),
        ("profile_sample_rate", 0.5),
        ("temp_location", "gs://bucket/--tmp"),
        ("streaming", False),  # off as it comes
        ("no_pipeline_type_check", False),
    ],
)
@pytest.mark.parametrize("runner", ["direct", "flink", "portable", "dataflow"])
def test_beams_own_flags_pass_in_every_spelling(name, value, runner):
    check_beam_options({name: value}, runner)


JOB_SERVERS_OWN = {"max_bundle_size": 1000, "object_reuse": True, "execution_mode_for_batch": "BATCH_FORCED"}


@pytest.mark.parametrize("runner", ["flink", "portable"])
def test_what_the_job_server_of_flink_defines_passes_where_it_is_asked(runner):
    check_beam_options(JOB_SERVERS_OWN, runner)


@pytest.mark.parametrize("runner", ["direct", "dataflow"])
def test_elsewhere_it_would_be_dropped_and_is_refused(runner):
    with pytest.raises(ValueError, match="'max_bundle_size', which is not a Beam option"):
        check_beam_options(JOB_SERVERS_OWN, runner)


def test_another_job_server_may_define_anything_but_a_slip_of_beams_own():
    check_beam_options({"spark_history_dir": "/tmp"}, "portable")
    with pytest.raises(ValueError, match="did you mean 'environment_type'"):
        check_beam_options({"enviroment_type": "DOCKER"}, "portable")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("max_bundle_sise", 3, "'max_bundle_sise', which is not a Beam option; did you mean 'max_bundle_size'?"),
        ("max_bundle_size", "few", "beam.options.max_bundle_size is 'few', which Beam refuses"),
        (
            "execution_mode_for_batch",
            "BATCHED",
            "is 'BATCHED', which Beam refuses (argument --execution_mode_for_batch",
        ),
        ("object_reuse", "yes", "beam.options.object_reuse is 'yes', which Beam refuses"),
        ("operator_chaining", True, "'operator_chaining', which is not a Beam option"),  # its flag would turn it off
    ],
)
def test_a_wrong_option_of_flinks_is_one_sentence(name, value, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        check_beam_options({name: value}, "flink")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("direct_num_wokers", 2, "'direct_num_wokers', which is not a Beam option; did you mean 'direct_num_workers'?"),
        ("pipeline_type_check", True, "which is not a Beam option; did you mean 'no_pipeline_type_check'?"),
        ("pubsubRootUrl", "x", "which is not a Beam option; did you mean 'pubsub_root_url'?"),
        ("qqqq", 2, "which is not a Beam option; see Beam's documentation"),
        ("help", True, "'help', which is not a Beam option"),
        ("h", True, "'h', which is not a Beam option"),
        (
            "direct_num_workers",
            "many",
            "beam.options.direct_num_workers is 'many', which Beam refuses (argument --direct_num_workers: "
            "invalid int value: 'many'); give a value that it takes",
        ),
        ("direct_num_workers", True, "is True, which Beam refuses (argument --direct_num_workers: expected one arg"),
        ("direct_num_workers", 1.5, "invalid int value: '1.5'"),
        ("streaming", "yes", "is 'yes', which Beam refuses (argument --streaming: ignored explicit argument 'yes')"),
        ("type_check_strictness", "LOOSE", "invalid choice: 'LOOSE'"),
        ("sdk_harness_log_level_overrides", "{", "invalid loads value: '{'"),
        (
            "gcs_custom_audit_entries",
            "{",
            "gcs_custom_audit_entries is '{', which Beam refuses (Expecting",
        ),
        ("labels", (), "beam.options.labels is empty; list at least one value"),
        ("direct_num_workers", ("1", "2"), "is ['1', '2'], but --direct_num_workers takes one value; give one"),
        ("max_num_workers", ("1", "few"), "is 'few', which Beam refuses"),
        ("use_public_ips", False, "beam.options.use_public_ips is False, which no flag of that name can say; "),
        ("use_public_ips", False, "write no_use_public_ips: true"),
        ("no_use_public_ips", False, "write use_public_ips: true"),
        ("save_main_session", False, "write no_save_main_session: true"),
        ("enable_streaming_engine", False, "Beam has no flag that turns it off, so leave it out"),
        ("project", False, "is False, but --project takes a value; give one or leave the option out"),
    ],
)
def test_what_beam_would_lose_or_exit_on_is_one_sentence(name, value, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        check_beam_options({"region": "europe-west1", name: value})
    assert "\n" not in str(caught.value)


def test_beam_reads_back_what_was_spelt():
    options = {
        "experiments": ("use_runner_v2", "shuffle_mode=service"),
        "no_use_public_ips": True,
        "streaming": False,
        "num_workers": 3,
    }
    check_beam_options(options)
    read = PipelineOptions([argument for name, value in options.items() for argument in spell(name, value)])
    assert read.view_as(DebugOptions).experiments == ["use_runner_v2", "shuffle_mode=service"]
    assert read.view_as(WorkerOptions).use_public_ips is False
    assert read.view_as(WorkerOptions).num_workers == 3
