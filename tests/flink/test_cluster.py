"""`make flink`: what is up stays as it is, what the job server says of its options is what our table says."""

from __future__ import annotations

import grpc
import pytest
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from components.beam.flink_options import FLINK_OPTIONS, INTEGER, SWITCH, TEXT

pytestmark = pytest.mark.flink

NAMES = ("jobmanager", "taskmanager-1", "taskmanager-2", "jobserver")


def test_bringing_it_up_again_starts_nothing(cluster, bring_up):
    before = [cluster.process(name) for name in NAMES]
    bring_up()
    assert [cluster.process(name) for name in NAMES] == before
    overview = cluster.ask("overview")
    assert (overview["taskmanagers"], overview["slots-total"]) == (2, 4)


def test_the_job_server_defines_the_options_of_our_table(cluster):
    with grpc.insecure_channel(cluster.job_endpoint) as channel:
        service = beam_job_api_pb2_grpc.JobServiceStub(channel)
        described = service.DescribePipelineOptions(beam_job_api_pb2.DescribePipelineOptionsRequest(), timeout=30)
    types = beam_job_api_pb2.PipelineOptionType
    kinds = {types.INTEGER: INTEGER, types.STRING: TEXT, types.BOOLEAN: SWITCH}
    assert {
        option.name: kinds[option.type] for option in described.options if option.name in FLINK_OPTIONS
    } == FLINK_OPTIONS
    on_as_they_come = {option.name for option in described.options if option.default_value == "true"}
    assert not on_as_they_come & set(FLINK_OPTIONS), "Beam's Python would turn these off by their flag"
