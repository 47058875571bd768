"""What only Kubernetes knows of a container is written as kfp-kubernetes writes it."""

from __future__ import annotations

import pytest

from tfx_pipeline.cluster.compiling.platform_spec import platform_spec
from tfx_pipeline.settings.config import Config, build

ASKED = {
    "default": {"node_selector": {"pool": "cpu"}},
    "trainer": {
        "node_selector": {"pool": "gpu", "zone": "a"},
        "tolerations": [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "spot", "value": "yes", "effect": "NoExecute", "seconds": 300},
        ],
    },
    "secrets": {
        "bucket-keys": {"env": {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}},
        "certificates": {"folder": "/etc/certificates"},
    },
    "volumes": {"pairs": "/mnt/pairs"},
    "image_pull_secrets": ["registry"],
}


def cluster(**sections):
    return build({"cluster": sections}).cluster


def executors(spec: dict, **sections) -> dict:
    return platform_spec(spec, cluster(**sections))["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def constant(text: str) -> dict:
    return {"runtimeValue": {"constant": text}}


def test_there_is_no_document_where_nothing_is_asked(spec):
    assert platform_spec(spec, Config().cluster) is None
    assert platform_spec(spec, cluster(trainer={"cpu": 4}, env={"A": "1"}, retries=3)) is None


def test_the_trainers_nodes_are_its_own(spec):
    made = executors(spec, trainer=ASKED["trainer"], default=ASKED["default"])
    assert made["Trainer_executor"] == {
        "nodeSelector": {"labels": {"pool": "gpu", "zone": "a"}},
        "tolerations": [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},
            {
                "key": "spot",
                "operator": "Equal",
                "value": "yes",
                "effect": "NoExecute",
                "tolerationSeconds": "300",
            },
        ],
    }
    assert made["Pusher_executor"] == {"nodeSelector": {"labels": {"pool": "cpu"}}}
    assert "CuratedSchema_executor" not in made
    assert set(executors(spec, trainer=ASKED["trainer"])) == {"Trainer_executor"}


def test_secrets_and_volumes_reach_every_container(spec):
    made = executors(spec, **{key: ASKED[key] for key in ("secrets", "volumes", "image_pull_secrets")})
    assert set(made) == {*spec["deploymentSpec"]["executors"]} - {"CuratedSchema_executor"}
    assert all(each == made["Trainer_executor"] for each in made.values())
    assert made["Trainer_executor"] == {
        "secretAsEnv": [
            {
                "secretName": "bucket-keys",
                "secretNameParameter": constant("bucket-keys"),
                "keyToEnv": [
                    {"secretKey": "id", "envVar": "AWS_ACCESS_KEY_ID"},
                    {"secretKey": "secret", "envVar": "AWS_SECRET_ACCESS_KEY"},
                ],
                "optional": True,
            }
        ],
        "secretAsVolume": [
            {
                "secretName": "certificates",
                "secretNameParameter": constant("certificates"),
                "mountPath": "/etc/certificates",
                "optional": True,
            }
        ],
        "pvcMount": [{"constant": "pairs", "pvcNameParameter": constant("pairs"), "mountPath": "/mnt/pairs"}],
        "imagePullSecret": [{"secretName": "registry", "secretNameParameter": constant("registry")}],
    }


def test_kfps_own_client_writes_the_same(spec):
    kubernetes = pytest.importorskip("kfp.kubernetes", reason="kfp-kubernetes 2 needs protobuf 6, of the newer stack")
    from kfp import dsl

    @dsl.container_component
    def trainer():
        return dsl.ContainerSpec(image="image", command=["python"])

    written = {}

    @dsl.pipeline
    def pipeline():
        task = trainer()
        for label, value in ASKED["trainer"]["node_selector"].items():
            kubernetes.add_node_selector(task, label, value)
        kubernetes.add_toleration(task, key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")
        kubernetes.add_toleration(
            task, key="spot", operator="Equal", value="yes", effect="NoExecute", toleration_seconds=300
        )
        keys = {key: variable for variable, key in ASKED["secrets"]["bucket-keys"]["env"].items()}
        kubernetes.use_secret_as_env(task, "bucket-keys", keys, optional=True)
        kubernetes.use_secret_as_volume(task, "certificates", "/etc/certificates", optional=True)
        kubernetes.mount_pvc(task, "pairs", "/mnt/pairs")
        kubernetes.set_image_pull_secrets(task, ["registry"])
        written.update(task.platform_config["kubernetes"])

    assert pipeline.platform_spec.platforms["kubernetes"].deployment_spec.executors
    assert executors(spec, **ASKED)["Trainer_executor"] == written
