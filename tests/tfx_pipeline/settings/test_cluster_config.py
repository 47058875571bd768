"""The `cluster` section: what no cluster takes is one sentence that names the field, before anything is compiled."""

from __future__ import annotations

import contextlib

import pytest
from google.cloud.aiplatform_v1.types import AcceleratorType
from hypothesis import given
from hypothesis import strategies as st

from tfx_pipeline.settings.accelerators import VERTEX_ACCELERATORS, check_accelerator
from tfx_pipeline.settings.config import Config, ConfigError, build
from tfx_pipeline.settings.quantities import cores, memory_bytes


def refusal(cluster: dict) -> str:
    with pytest.raises(ConfigError) as caught:
        build({"cluster": cluster})
    return str(caught.value)


@pytest.mark.parametrize(
    ("cluster", "sentence"),
    [
        ({"trainr": {}}, "cluster.trainr is not a field; did you mean cluster.trainer?"),
        ({"default": {"accelerator": "NVIDIA_L4"}}, "cluster.default.accelerator is not a field"),
        ({"trainer": {"cpu": "four"}}, "cluster.trainer.cpu is 'four'; give a number of cores, such as 4 or 500m"),
        ({"trainer": {"cpu": 0}}, "cluster.trainer.cpu is '0'; give a number of cores"),
        ({"trainer": {"cpu": "8Gi"}}, "cluster.trainer.cpu is '8Gi'; give a number of cores"),
        ({"filter": {"memory": 8}}, "cluster.filter.memory is '8'; give an amount with its unit (k, M, G"),
        ({"filter": {"memory": "8"}}, "such as 8Gi"),
        ({"filter": {"memory": "8GB"}}, "cluster.filter.memory is '8GB'; give an amount with its unit"),
        ({"filter": {"memory": "8K"}}, "cluster.filter.memory is '8K'; give an amount with its unit"),
        ({"filter": {"memory": "8Ki"}}, "cluster.filter.memory is '8Ki', in which no container starts"),
        (
            {"trainer": {"accelerator": "NVIDIA_TESLA_T5"}},
            "cluster.trainer.accelerator is 'NVIDIA_TESLA_T5', which is no accelerator of Vertex AI or Kubernetes; "
            "did you mean 'NVIDIA_TESLA_T4'?",
        ),
        ({"trainer": {"accelerator": "nvidia.com/gpus"}}, "did you mean 'nvidia.com/gpu'?"),
        ({"trainer": {"accelerator": "T4"}}, "did you mean 'NVIDIA_TESLA_T4'?"),
        ({"trainer": {"accelerator": "gpu"}}, "did you mean 'nvidia.com/gpu'?"),
        ({"trainer": {"accelerator": "abacus"}}, "they are NVIDIA_TESLA_K80,"),
        ({"trainer": {"count": 2}}, "cluster.trainer.count is 2, but accelerator is null; set it, or leave count out"),
        ({"trainer": {"count": 0, "accelerator": "NVIDIA_L4"}}, "cluster.trainer.count is 0; it must be 1 or more"),
        ({"default": {"tolerations": [{"value": "x"}]}}, "cluster.default.tolerations[0].key is null, which is any"),
        ({"default": {"tolerations": [{"key": "a", "effect": "Never"}]}}, "tolerations[0].effect is 'Never' (str)"),
        (
            {"default": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}},
            "cluster.default.tolerations[0].value is 'b', but operator is \"Exists\", which takes any",
        ),
        ({"default": {"tolerations": [{"key": "a", "seconds": 3}]}}, "tolerations[0].seconds is 3, which holds for"),
        ({"default": {"node_selector": {"disk": 1}}}, "cluster.default.node_selector.disk is 1 (int); it must be text"),
        ({"secrets": {"keys": {}}}, "cluster.secrets.keys.env is empty and folder is null; set one of them"),
        ({"secrets": {"keys": {"env": {"A-B": "a"}}}}, "cluster.secrets.keys.env has 'A-B'; a variable's name is"),
        ({"secrets": {"keys": {"env": {"A": "a b"}}}}, "cluster.secrets.keys.env.A is 'a b'; a Secret's keys are"),
        ({"secrets": {"Keys": {"folder": "/keys"}}}, "cluster names a Secret 'Keys'; Kubernetes allows a-z, 0-9"),
        ({"secrets": {"my.keys": {"folder": "/keys"}}}, "cluster mounts 'my.keys'; Kubernetes allows 63 of"),
        ({"secrets": {"keys": {"folder": "keys"}}}, "cluster.secrets.keys.folder is 'keys'; give the whole path"),
        ({"volumes": {"pairs": "/"}}, "cluster.volumes.pairs is '/'; give the whole path of a folder in the container"),
        ({"volumes": {"pairs": "/a/../b"}}, "cluster.volumes.pairs is '/a/../b'; give the whole path"),
        ({"volumes": {"one": "/a", "two": "/a"}}, "cluster mounts '/a' twice; each needs a folder of its own"),
        (
            {"volumes": {"keys": "/a"}, "secrets": {"keys": {"folder": "/b"}}},
            "cluster names 'keys' twice; give one of them another name",
        ),
        (
            {"env": {"A": "1"}, "secrets": {"keys": {"env": {"A": "a"}}}},
            "cluster sets 'A' twice; set the variable once",
        ),
        ({"env": {"1A": "1"}}, "cluster.env has '1A'; a variable's name is letters, digits and '_', no digit first"),
        ({"env": {"A": 1}}, "cluster.env.A is 1 (int); it must be text"),
        ({"image_pull_secrets": ["A_B"]}, "cluster names a Secret 'A_B'"),
        ({"retries": -1}, "cluster.retries is -1; it must be between 0 and 100"),
        ({"state": "s3://bucket/state"}, "cluster.state is 's3://bucket/state'; give a gs:// address or the whole"),
        ({"state": "state"}, "cluster.state is 'state'; give a gs:// address or the whole path"),
    ],
)
def test_what_no_cluster_takes_is_one_sentence(cluster, sentence):
    assert sentence in refusal(cluster)


def test_a_section_as_users_write_it():
    cluster = build(
        {
            "cluster": {
                "default": {"cpu": "500m", "memory": "2Gi"},
                "trainer": {
                    "cpu": 8,
                    "memory": "32Gi",
                    "accelerator": "nvidia.com/mig-1g.5gb",
                    "count": 2,
                    "node_selector": {"pool": "gpu"},
                    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
                },
                "secrets": {"my.keys": {"env": {"AWS_ACCESS_KEY_ID": "access-key"}}},
                "volumes": {"pairs": "/mnt/pairs"},
                "state": "/mnt/state",
            }
        }
    ).cluster
    assert cluster.trainer.tolerations[0].key == "nvidia.com/gpu"
    assert [name for name, _ in cluster.pods()] == [
        "ingest",
        "statistics",
        "filter",
        "vocabulary",
        "trainer",
        "evaluator",
        "serving_validator",
    ]
    assert build({"cluster": Config(cluster=cluster).to_mapping()["cluster"]}).cluster == cluster


def test_accelerators_are_those_that_googles_client_lists():
    assert {*VERTEX_ACCELERATORS} == {each.name for each in AcceleratorType if each.value}


@pytest.mark.parametrize(
    "name", ["nvidia.com/gpu", "nvidia.com/gpu.shared", "nvidia.com/mig-3g.20gb", "google.com/tpu"]
)
def test_resources_of_nodes_are_taken(name):
    check_accelerator("accelerator", name)


@pytest.mark.parametrize(
    ("quantity", "number"), [("4", 4), ("500m", 0.5), ("0.25", 0.25), ("1m", 0.001), ("1500m", 1.5), ("2.0", 2)]
)
def test_cores(quantity, number):
    assert cores("cpu", quantity) == number


@pytest.mark.parametrize(
    ("quantity", "number"),
    [
        ("8Gi", 8 * 2**30),
        ("8G", 8 * 10**9),
        ("1.5Gi", 3 * 2**29),
        ("512Mi", 2**29),
        ("5000k", 5 * 10**6),
        ("1Ti", 2**40),
    ],
)
def test_memory(quantity, number):
    assert memory_bytes("memory", quantity) == number


@given(st.text(alphabet="0123456789.mkKMGTPEei+- ", max_size=8))
def test_an_amount_is_read_as_kubernetes_does_or_refused(text):
    from kubernetes.utils.quantity import parse_quantity

    for read in (cores, memory_bytes):
        with contextlib.suppress(ValueError):
            number = read("amount", text)
            assert number == pytest.approx(float(parse_quantity(text)), abs=1)
            assert number > 0
