"""What a config asks of the cluster stands in the compiled containers, in the fields that backends old and new read."""

from __future__ import annotations

import copy

import pytest

from tfx_pipeline.cluster.compiling.resources import FIELD_OF, with_cluster_settings
from tfx_pipeline.rerun import known_components
from tfx_pipeline.settings.config import Config, build

TASKS = ("PairFiles", "PairExampleGen", "EvaluationSet-coco", "PairFilter", "Trainer", "Pusher")


def cluster(**sections):
    return build({"cluster": sections}).cluster


def container(spec: dict, task: str) -> dict:
    return spec["deploymentSpec"]["executors"][f"{task}_executor"]["container"]


def test_nothing_is_asked_for_unless_said(spec):
    assert with_cluster_settings(spec, Config().cluster, "kubeflow") == spec


def test_the_spec_that_is_given_is_left_alone(spec):
    before = copy.deepcopy(spec)
    with_cluster_settings(spec, cluster(default={"cpu": 1}, env={"A": "1"}, retries=1), "kubeflow")
    assert spec == before


def test_amounts_stand_as_text_and_as_numbers(spec):
    made = with_cluster_settings(spec, cluster(trainer={"cpu": "1500m", "memory": "8Gi"}), "kubeflow")
    assert container(made, "Trainer")["resources"] == {
        "cpuLimit": 1.5,
        "cpuRequest": 1.5,
        "resourceCpuLimit": "1500m",
        "resourceCpuRequest": "1500m",
        "memoryLimit": 8.589934592,  # GB of 10**9 bytes
        "memoryRequest": 8.589934592,
        "resourceMemoryLimit": "8Gi",
        "resourceMemoryRequest": "8Gi",
    }
    assert "resources" not in container(made, "Pusher")


@pytest.mark.parametrize(("platform", "name"), [("kubeflow", "nvidia.com/gpu"), ("vertex", "NVIDIA_L4")])
@pytest.mark.parametrize(("count", "text"), [(None, "1"), (4, "4")])
def test_an_accelerator_stands_in_both_forms(spec, platform, name, count, text):
    made = with_cluster_settings(spec, cluster(trainer={"accelerator": name, "count": count}), platform)
    assert container(made, "Trainer")["resources"] == {
        "accelerator": {"type": name, "count": text, "resourceType": name, "resourceCount": text}
    }


def test_a_component_takes_the_default_for_what_it_does_not_say(spec):
    asked = cluster(default={"cpu": 1, "memory": "1Gi"}, ingest={"cpu": 4}, trainer={"memory": "16Gi"})
    made = with_cluster_settings(spec, asked, "vertex")
    amounts = {
        task: (given["resourceCpuLimit"], given["resourceMemoryLimit"])
        for task in TASKS
        for given in [container(made, task)["resources"]]
    }
    assert amounts == {
        "PairFiles": ("1", "1Gi"),
        "PairExampleGen": ("4", "1Gi"),
        "EvaluationSet-coco": ("4", "1Gi"),
        "PairFilter": ("1", "1Gi"),
        "Trainer": ("1", "16Gi"),
        "Pusher": ("1", "1Gi"),
    }


def test_every_section_is_of_a_component_that_there_is():
    config = build({"evaluation_sets": {"coco": {"shards": "gs://a"}}, "export": {"precision": "bfloat16"}})
    assert {*FIELD_OF} <= {name.partition("-")[0] for name in known_components(config)}
    assert {*FIELD_OF.values()} == {name for name, _ in config.cluster.pods()}


def test_variables_and_retries_reach_every_container_and_no_importer(spec):
    container(spec, "Trainer")["env"] = [{"name": "KEPT", "value": "1"}, {"name": "A", "value": "old"}]
    made = with_cluster_settings(spec, cluster(env={"A": "1"}, retries=2), "kubeflow")
    assert container(made, "Trainer")["env"] == [{"name": "KEPT", "value": "1"}, {"name": "A", "value": "1"}]
    for task in TASKS:
        assert {"name": "A", "value": "1"} in container(made, task)["env"]
        assert made["root"]["dag"]["tasks"][task]["retryPolicy"] == {
            "maxRetryCount": 2,
            "backoffDuration": "60s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": "3600s",
        }
    assert made["deploymentSpec"]["executors"]["CuratedSchema_executor"] == {
        "importer": {"artifactUri": {"constant": "gs://a"}}
    }
    assert "retryPolicy" not in made["root"]["dag"]["tasks"]["CuratedSchema"]


def test_what_a_platform_cannot_do_is_refused_here_too(spec):
    with pytest.raises(ValueError, match=r"^cluster\.volumes is set, which Vertex AI cannot do"):
        with_cluster_settings(spec, cluster(volumes={"a": "/a"}), "vertex")
