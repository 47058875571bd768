"""Tests that the compiled pipeline is one that Kubeflow's own loader reads, with every component and Beam argument."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from kfp import components as kfp_components

from tfx_pipeline.kubeflow_runner import compile_pipeline
from tfx_pipeline.rerun import known_components
from tfx_pipeline.settings.config import ConfigError, build

IMAGE = "registry.example/align-tfx:1"
ROOT = "gs://bucket/align"


@pytest.fixture(scope="module")
def config():
    return build(
        {"name": "mine", "ingest": {"shards": "gs://bucket/shards"}, "beam": {"options": {"direct_num_workers": 3}}}
    )


def compiled(config, platform: str, folder) -> dict:
    path = compile_pipeline(config, platform=platform, image=IMAGE, root=ROOT, folder=folder)
    written = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML too
    return written["pipelineSpec"] if platform == "vertex" else written


def nodes_of(spec: dict) -> dict:
    return spec["root"]["dag"]["tasks"]


def nodes(spec: dict) -> set[str]:
    return set(nodes_of(spec))


@pytest.mark.parametrize("platform", ["vertex", "kubeflow"])
def test_the_pipeline_is_read_back_by_kfps_own_loader(config, tmp_path, platform):
    loaded = kfp_components.load_component_from_text(yaml.safe_dump(compiled(config, platform, tmp_path)))
    assert loaded.pipeline_spec.pipeline_info.name == "mine"
    tasks = set(loaded.pipeline_spec.root.dag.tasks)
    assert {"PairExampleGen", "PairFilter", "Vocabulary", "Trainer", "Evaluator", "Pusher", "StatisticsGen"} <= tasks


@pytest.mark.parametrize("platform", ["vertex", "kubeflow"])
def test_the_config_that_lies_beside_is_left_alone(config, tmp_path, platform):
    mine = tmp_path / "mine.yaml"
    mine.write_text("name: mine\n", encoding="utf-8")
    compiled(config, platform, tmp_path)
    assert mine.read_text(encoding="utf-8") == "name: mine\n"


def test_vertex_job_names_image_root_and_beam_arguments(config, tmp_path):
    path = compile_pipeline(config, platform="vertex", image=IMAGE, root=ROOT + "/", folder=tmp_path)
    job = json.loads(path.read_text(encoding="utf-8"))
    assert job["runtimeConfig"]["gcsOutputDirectory"] == f"{ROOT}/artifacts"
    spec = job["pipelineSpec"]
    assert {"PairExampleGen", "PairFilter", "Vocabulary", "Trainer", "Evaluator", "Pusher"} <= nodes(spec)
    executors = spec["deploymentSpec"]["executors"]
    for name in ("PairExampleGen", "PairFilter", "Vocabulary", "StatisticsGen", "Evaluator"):
        container = executors[f"{name}_executor"]["container"]
        assert container["image"] == IMAGE
        assert "--direct_num_workers=3" in container["args"], name


def test_vocabulary_reaches_the_trainer_through_a_channel(config, tmp_path):
    spec = compiled(config, "kubeflow", tmp_path)
    artifacts = spec["root"]["dag"]["tasks"]["Trainer"]["inputs"]["artifacts"]
    assert artifacts["vocabulary"]["taskOutputArtifact"]["producerTask"] == "Vocabulary"


def test_what_the_cluster_section_asks_for_is_compiled(config, tmp_path):
    cluster = {
        "default": {"node_selector": {"pool": "cpu"}},
        "trainer": {"memory": "8Gi", "accelerator": "nvidia.com/gpu"},
        "volumes": {"state": "/mnt/state"},
        "state": "/mnt/state/align",
    }
    chosen = build({**config.to_mapping(), "cluster": cluster})
    path = compile_pipeline(chosen, platform="kubeflow", image=IMAGE, root="s3://bucket/align", folder=tmp_path)
    spec, of_kubernetes = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    assert spec["defaultPipelineRoot"] == "s3://bucket/align/artifacts"
    container = spec["deploymentSpec"]["executors"]["Trainer_executor"]["container"]
    assert container["resources"]["resourceMemoryLimit"] == "8Gi"
    assert container["resources"]["accelerator"]["resourceType"] == "nvidia.com/gpu"
    written = of_kubernetes["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(written) == set(spec["deploymentSpec"]["executors"])
    assert written["Trainer_executor"]["nodeSelector"] == {"labels": {"pool": "cpu"}}
    assert written["PairFiles_executor"]["pvcMount"][0]["mountPath"] == "/mnt/state"
    parameters = {name: str(task["inputs"].get("parameters")) for name, task in nodes_of(spec).items()}
    assert "/mnt/state/align/serving_models/align" in parameters["Pusher"]
    assert "/mnt/state/align/serving_models/align" in parameters["BaselineModel"]
    assert "/mnt/state/align/artifacts/checkpoints" in parameters["Trainer"]


@pytest.mark.parametrize("platform", ["vertex", "kubeflow"])
def test_a_run_may_be_given_settings_of_training_whose_defaults_are_compiled(config, tmp_path, platform):
    spec = compiled(build({**config.to_mapping(), "training": {"steps": 7, "warmup_steps": 3}}), platform, tmp_path)
    wanted = {"steps": 7, "warmup_steps": 3, "batch": 16384, "learning_rate": 1e-3, "weight_decay": 1e-5, "seed": 0}
    given = spec["root"]["inputDefinitions"]["parameters"]
    assert {name: each["defaultValue"] for name, each in given.items()} == {
        f"training_{name}": value for name, value in wanted.items()
    }
    assert all(each["isOptional"] for each in given.values())
    assert {given["training_steps"]["parameterType"], given["training_learning_rate"]["parameterType"]} == {
        "NUMBER_INTEGER",
        "NUMBER_DOUBLE",
    }
    taken = nodes_of(spec)["Trainer"]["inputs"]["parameters"]
    assert {name: taken[name] for name in wanted} == {
        name: {"componentInputParameter": f"training_{name}"} for name in wanted
    }
    (described,) = [json.loads(each) for each in container_args(spec, "Trainer") if each.startswith('{"inputs"')]
    assert {name: described["parameters"][name] for name in wanted} == {
        **dict.fromkeys(wanted, "int"),
        "learning_rate": "float",
        "weight_decay": "float",
    }


@pytest.mark.parametrize("python", ["", "#!/bin/sh\nexit 1\n"], ids=["no python", "another one's"])
def test_an_image_without_this_project_is_named_in_the_last_line(config, tmp_path, python):
    command = compiled(config, "kubeflow", tmp_path)["deploymentSpec"]["executors"]["PairFiles_executor"]["container"]
    shell = shutil.which("sh")
    if python:
        (tmp_path / "python").write_text(python, encoding="utf-8")
        (tmp_path / "python").chmod(0o755)
    started = [shell, *command["command"][1:], *command["args"]]
    done = subprocess.run(started, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"the image {IMAGE} does not hold this project; build one by make")


def test_the_command_hands_its_arguments_on(config, tmp_path):
    container = compiled(config, "kubeflow", tmp_path)["deploymentSpec"]["executors"]["PairFiles_executor"]["container"]
    arguments = ["0" * 64 if re.fullmatch("[0-9a-f]{64}", each) else each for each in container["args"]]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    started = [*container["command"], *arguments]
    done = subprocess.run(started, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "and the pipeline was compiled from 000000000000; build the image from" in done.stderr.splitlines()[-1]


def container_args(spec: dict, task: str) -> list[str]:
    return spec["deploymentSpec"]["executors"][f"{task}_executor"]["container"]["args"]


def with_evaluation_sets(config, *names):
    sets = {name: {"shards": f"gs://bucket/{name}"} for name in names}
    return build({**config.to_mapping(), "evaluation_sets": sets})


@pytest.mark.parametrize("platform", ["vertex", "kubeflow"])
def test_every_task_is_a_container_of_ours_and_has_no_driver(config, tmp_path, platform):
    chosen = build({**with_evaluation_sets(config, "coco").to_mapping(), "validation": {"on_anomalies": "stop"}})
    spec = compiled(chosen, platform, tmp_path)
    tasks, executors = nodes_of(spec), spec["deploymentSpec"]["executors"]
    assert set(tasks) == set(known_components(chosen))
    assert [name for name in tasks if not re.fullmatch("[a-zA-Z][-a-zA-Z0-9]{0,127}", name)] == []  # Argo's own rule
    assert len(executors) == len(tasks)  # no other executor, be it a resolver's or an importer's
    for name in tasks:
        executor = executors[spec["components"][name]["executorLabel"]]
        assert set(executor) == {"container"}, name
        assert set(executor["container"]) == {"args", "command", "image"}, name  # no lifecycle: nobody would run it
        program, option, script, _ = executor["container"]["command"]
        assert (program, option) == ("sh", "-c")
        assert script.endswith('exec python -m tfx_pipeline.cluster.container.entry_point "$@"')


@pytest.mark.parametrize("platform", ["vertex", "kubeflow"])
def test_what_looks_up_runs_each_time_and_its_answer_is_a_parameter_of_what_depends_on_it(config, tmp_path, platform):
    spec = compiled(with_evaluation_sets(config, "coco"), platform, tmp_path)
    tasks = nodes_of(spec)
    uncached = {name for name, task in tasks.items() if not task.get("cachingOptions")}
    assert uncached == {"PairFiles", "PairFiles-coco", "BaselineModel"}
    answers = {
        (name, key): value["taskOutputParameter"]
        for name, task in tasks.items()
        for key, value in task["inputs"].get("parameters", {}).items()
        if "taskOutputParameter" in value
    }
    assert answers == {
        ("PairExampleGen", "fingerprint"): {"producerTask": "PairFiles", "outputParameterKey": "fingerprint"},
        ("EvaluationSet-coco", "fingerprint"): {"producerTask": "PairFiles-coco", "outputParameterKey": "fingerprint"},
        ("Evaluator", "baseline"): {"producerTask": "BaselineModel", "outputParameterKey": "version"},
    }
    for (name, _), answer in answers.items():
        assert answer["producerTask"] in tasks[name]["dependentTasks"]
        made = spec["components"][answer["producerTask"]]["outputDefinitions"]
        assert set(made["parameters"]) == {answer["outputParameterKey"]}
        assert not made["artifacts"]  # of one name, kfp's local runner takes the artifact for the parameter


@pytest.mark.parametrize("platform", ["vertex", "kubeflow"])
@pytest.mark.parametrize("names", [("coco",), ("coco", "flickr30k", "my-own-set")])
def test_evaluation_sets_reach_the_filter_each_by_an_input_of_its_own(config, tmp_path, platform, names):
    chosen = with_evaluation_sets(config, *names)
    spec = compiled(chosen, platform, tmp_path)
    assert nodes(spec) >= {f"EvaluationSet-{name}" for name in names}
    task = spec["root"]["dag"]["tasks"]["PairFilter"]
    assert {key: taken["taskOutputArtifact"] for key, taken in task["inputs"]["artifacts"].items()} == {
        "unfiltered_examples": {"producerTask": "PairExampleGen", "outputArtifactKey": "examples"},
        **{
            f"evaluation_examples_{name.replace('-', '_')}": {
                "producerTask": f"EvaluationSet-{name}",
                "outputArtifactKey": "examples",
            }
            for name in names
        },
    }
    assert set(spec["components"]["PairFilter"]["inputDefinitions"]["artifacts"]) == set(task["inputs"]["artifacts"])
    assert set(task["dependentTasks"]) == {"PairExampleGen", *(f"EvaluationSet-{name}" for name in names)}


def test_the_order_of_evaluation_sets_changes_nothing_for_the_filter(config, tmp_path):
    def filter_of(*names: str) -> dict:
        spec = compiled(with_evaluation_sets(config, *names), "vertex", tmp_path)
        return spec["root"]["dag"]["tasks"]["PairFilter"]

    assert filter_of("coco", "flickr30k") == filter_of("flickr30k", "coco")


@pytest.mark.parametrize("platform", ["vertex", "kubeflow"])
def test_the_filter_waits_for_the_gate_where_anomalies_stop_the_run(config, tmp_path, platform):
    validation = {"schema": "gs://bucket/schema.pbtxt", "on_anomalies": "stop"}
    spec = compiled(build({**config.to_mapping(), "validation": validation}), platform, tmp_path)
    tasks = spec["root"]["dag"]["tasks"]
    assert set(tasks["PairFilter"]["dependentTasks"]) == {"PairExampleGen", "AnomalyGate"}
    assert "triggerPolicy" not in tasks["PairFilter"]  # by default a task starts when all it depends on succeeded
    assert tasks["AnomalyGate"]["dependentTasks"] == ["ExampleValidator"]
    assert set(tasks["ExampleValidator"]["dependentTasks"]) == {"CuratedSchema", "StatisticsGen"}
    assert "gs://bucket/schema.pbtxt" in str(tasks["CuratedSchema"]["inputs"]["parameters"]["schema_file"])
    assert "AnomalyGate" not in nodes(compiled(config, platform, tmp_path))


@pytest.mark.parametrize("platform", ["vertex", "kubeflow"])
def test_settings_that_no_containers_argument_holds_are_refused(config, tmp_path, platform):
    names = {f"n{number:08d}": [f"a name of many words {number}" * 3] for number in range(1000)}
    longer = build({**config.to_mapping(), "evaluation": {"splits": ["train"], "class_names": names}})
    with pytest.raises(ConfigError, match=r"settings of Evaluator come to \d+,\d+ bytes, .* evaluation.class_names"):
        compiled(longer, platform, tmp_path)
