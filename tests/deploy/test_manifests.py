"""compose.yaml and deploy/*.yaml: Kubernetes' own schemas take them, what they name is there, nothing runs as root."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import kubernetes_validate
import pytest
import typer
import yaml

from pages import ROOT
from serving.server.batching.settings import read_batching_parameters
from serving.server.monitoring.config_file import read_prometheus_path
from serving.signatures import MODEL_NAME
from serving.version_labels import CONFIG_FILE
from tfx_pipeline.cli import app
from tfx_pipeline.runs.folders import PUSHED_MODELS

MANIFESTS = sorted((ROOT / "deploy").glob("*.yaml"))
DOCUMENTS = [
    pytest.param(document, id=f"{path.stem}-{document['kind']}")
    for path in MANIFESTS
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
OF_OPERATORS = {"FlinkDeployment"}  # whose schemas Kubernetes does not publish
TF_SERVING_FLAGS = {
    "port",
    "rest_api_port",
    "model_name",
    "model_base_path",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "allow_version_labels_for_unavailable_models",
    "file_system_poll_wait_seconds",
    "monitoring_config_file",
    "enable_batching",
    "batching_parameters_file",
}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def pod_of(document: dict) -> dict | None:
    """Returns a document's pod specification, or None where it starts no pod."""
    spec = document.get("spec", {})
    template = spec["taskManager"]["podTemplate"] if document["kind"] in OF_OPERATORS else spec.get("template")
    return template and template["spec"]


def documents_of(kind: str) -> list[dict]:
    return [param.values[0] for param in DOCUMENTS if param.values[0]["kind"] == kind]


PODS = [pytest.param(pod_of(param.values[0]), id=param.id) for param in DOCUMENTS if pod_of(param.values[0])]


def containers() -> list:
    """Returns (the pod's settings, container) of each container of ours and of others that a manifest defines whole."""
    return [(pod, one) for pod in (param.values[0] for param in PODS) for one in pod["containers"] if "image" in one]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_kubernetes_takes_it(document):
    if document["kind"] in OF_OPERATORS:
        document = {"apiVersion": "v1", "kind": "Pod", "metadata": document["metadata"], "spec": pod_of(document)}
    kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_a_wrong_field_is_not_taken():
    service = next(param.values[0] for param in DOCUMENTS if param.values[0]["kind"] == "Service")
    wrong = service | {"spec": service["spec"] | {"selectors": {}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("pod", PODS)
def test_a_volume_is_mounted_by_the_name_that_it_has(pod):
    mounted = {mount["name"] for one in pod["containers"] for mount in one.get("volumeMounts", [])}
    assert mounted == {volume["name"] for volume in pod["volumes"]}
    claimed = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["volumes"]
        if len(volume) == 2 and "persistentVolumeClaim" in volume
    }
    claims = {
        one["metadata"]["name"] for (one,) in (p.values for p in DOCUMENTS) if one["kind"] == "PersistentVolumeClaim"
    }
    assert claimed <= claims


def test_a_service_finds_its_pods_and_their_ports():
    services = documents_of("Service")
    assert len(services) == 3
    for service in services:
        (pods,) = [
            one["spec"]["template"]
            for (one,) in (param.values for param in DOCUMENTS)
            if one["kind"] == "Deployment" and one["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
        ]
        assert pods["metadata"]["labels"] == service["spec"]["selector"]
        ports = {port["name"]: port["containerPort"] for one in pods["spec"]["containers"] for port in one["ports"]}
        assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == ports


def test_no_container_runs_as_root_or_writes_to_its_root():
    assert len(containers()) == 4
    for pod, container in containers():
        settings = pod.get("securityContext", {}) | container["securityContext"]
        assert settings["runAsNonRoot"] is True
        assert settings["readOnlyRootFilesystem"] is True
        assert settings["allowPrivilegeEscalation"] is False
        assert settings["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= set(container["resources"]["requests"])
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]


def test_they_start_what_the_command_line_takes():
    (serve,) = [one["args"] for _, one in containers() if one["name"] == "serve"]
    for program, name, *options in (serve, COMPOSE["services"]["serve"]["command"]):
        assert program == "align"
        given = [re.sub(r"\$\{\w+:-(.*)\}", r"\1", option) for option in options]
        parsed = typer.main.get_command(app).commands[name].make_context(name, given).params
        assert parsed["host"] == "0.0.0.0", "else nobody outside the container reaches it"


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_compose_listens_on_loopback_alone_and_writes_nothing(name):
    serve = COMPOSE["services"][name]
    assert {port.partition(":")[0] for port in serve["ports"]} == {"127.0.0.1"}
    assert serve["read_only"] is True
    assert [volume.rpartition(":")[2] for volume in serve["volumes"]] == ["ro"]


@pytest.mark.parametrize("name", ["align-serve", "align-tensorflow-serving"])
def test_servers_are_scaled_and_some_stay_while_nodes_are_drained(name):
    def named(kind: str) -> dict:
        (found,) = [one for one in documents_of(kind) if one["metadata"]["name"] == name]
        return found["spec"]

    deployment, scaler = named("Deployment"), named("HorizontalPodAutoscaler")
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    assert "replicas" not in deployment, "each `kubectl apply` would set them back"
    assert 2 <= scaler["minReplicas"] < scaler["maxReplicas"]
    assert named("PodDisruptionBudget")["selector"] == deployment["selector"]
    (container,) = deployment["template"]["spec"]["containers"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
    assert "cpu" in container["resources"]["requests"], "of which the autoscaler takes its share"


def test_tensorflow_serving_finds_its_files_and_what_the_pipeline_pushed(tmp_path):
    """Its flags are those of tensorflow/serving 2.20, model_servers/main.cc."""
    (tf_serving,) = [one for _, one in containers() if one["name"] == "tensorflow-serving"]
    flags = dict(flag.removeprefix("--").split("=") for flag in tf_serving["args"])
    assert set(flags) <= TF_SERVING_FLAGS
    mounts = {mount["mountPath"]: mount for mount in tf_serving["volumeMounts"]}
    assert mounts["/models"]["subPath"] == f"align-demo/{PurePosixPath(PUSHED_MODELS).parent}"
    assert flags["model_config_file"] == f"/models/{CONFIG_FILE}"
    (settings,) = documents_of("ConfigMap")
    given = {name for name in flags.values() if name.startswith("/etc/serving/")}
    assert given == {f"/etc/serving/{name}" for name in settings["data"]}
    (tmp_path / "monitoring").write_text(settings["data"]["monitoring.config"])
    (tmp_path / "batching").write_text(settings["data"]["batching.config"])
    assert read_batching_parameters(tmp_path / "batching").max_batch_size == 64
    (pods,) = [one["spec"]["template"] for one in documents_of("Deployment") if "serving" in one["metadata"]["name"]]
    annotations = pods["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == read_prometheus_path(tmp_path / "monitoring")
    assert annotations["prometheus.io/port"] == flags["rest_api_port"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert tf_serving[probe]["httpGet"]["path"].startswith(f"/v1/models/{MODEL_NAME}")
    composed = COMPOSE["services"]["tensorflow-serving"]["command"]
    assert {flag.removeprefix("--").partition("=")[0] for flag in composed} <= TF_SERVING_FLAGS
