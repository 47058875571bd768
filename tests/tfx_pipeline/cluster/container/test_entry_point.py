"""The entry point with an executor that writes down what it is handed, for each component, as each cluster asks.

`cluster_tasks` stands in for the clusters; no cluster ran.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tfx import version
from tfx.types import standard_artifacts

import recording_executor
from cluster_tasks import executor_input
from recorded_components import BEAM, COMPONENTS, is_all_there


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_component_gets_its_artifacts_and_parameters(container, name):
    component = COMPONENTS[name]
    assert container.run(component) == 0
    _, inputs, outputs, parameters = recording_executor.CALLS.pop()
    assert {key: type(one) for key, (one,) in inputs.items()} == {key: c.type for key, c in component.inputs.items()}
    assert {key: type(one) for key, (one,) in outputs.items()} == {key: c.type for key, c in component.outputs.items()}
    assert all(is_all_there(one) for (one,) in inputs.values())
    folders = {Path(one.uri) for (one,) in inputs.values()}
    assert folders == {container.path(f"{container.root}/inputs/{key}") for key in inputs}
    given = {name: value for name, value in component.exec_properties.items() if value is not None}
    assert parameters == {
        name: value if isinstance(value, int | float) else str(value) for name, value in given.items()
    }
    for key, (made,) in outputs.items():
        assert Path(made.uri) == container.path(f"{container.root}/{key}")
        assert Path(made.uri).is_file() if isinstance(made, standard_artifacts.String) else Path(made.uri).is_dir()
    said = container.said()["artifacts"]
    assert {key: one["artifacts"][0]["uri"] for key, one in said.items()} == {
        key: f"{container.root}/{key}" for key in outputs
    }
    assert all(one["artifacts"][0]["metadata"]["tfx_version"] == version.__version__ for one in said.values())


def test_the_evaluators_verdict_names_the_model_as_the_cluster_does(container):
    asked = container.ask(COMPONENTS["Evaluator"])
    assert container.run(COMPONENTS["Evaluator"], executor_input=asked) == 0
    model = json.loads(asked)["inputs"]["artifacts"]["model"]["artifacts"][0]
    (blessing,) = container.said()["artifacts"]["blessing"]["artifacts"]
    assert blessing["metadata"] == {
        "blessed": 0,
        "current_model": model["uri"],
        "current_model_id": model["name"],
        "tfx_version": version.__version__,
    }


def test_a_value_is_an_artifact_and_an_output_parameter(container):
    description = {"inputs": {}, "outputs": {"version": "tfx.types.standard_artifacts.String"}, "parameters": {}}
    output_file = str(container.path(f"{container.root}/executor_output.json"))
    asked = executor_input(container.form, ["version"], ["version"], {}, {}, container.root, output_file)
    component = COMPONENTS["SchemaGen"]
    assert container.run(component, executor_input=asked, component=json.dumps(description)) == 0
    assert container.said()["parameterValues"] == {"version": "value of version"}
    assert container.path(f"{container.root}/version").read_text(encoding="utf-8") == "value of version"
    assert set(container.said()["artifacts"]) == {"version"}

    parameter_alone = json.loads(asked)
    parameter_alone["outputs"]["artifacts"] = {}
    parameter_alone["outputs"]["parameters"]["version"]["outputFile"] = str(container.disk / "outputs" / "version")
    changes = {"executor_input": json.dumps(parameter_alone), "component": json.dumps(description)}
    assert container.run(component, **changes) == 0
    assert container.said() == {"artifacts": {}, "parameterValues": {"version": "value of version"}}
    assert (container.disk / "outputs" / "version").read_text(encoding="utf-8") == "value of version"


def test_beam_hears_its_arguments_and_others_get_them_as_flags(kubeflow):
    flags = ["--runner=DirectRunner", "--direct_num_workers=2"]
    assert kubeflow.run(COMPONENTS["PairFilter"], *flags, "--sdk_container_image=none", executor=BEAM) == 0
    arguments, *_ = recording_executor.CALLS.pop()
    assert arguments[:2] == flags
    assert kubeflow.run(COMPONENTS["PairFilter"], *flags) == 0
    context, *_ = recording_executor.CALLS.pop()
    assert context.extra_flags == flags
    assert context.get_tmp_path() == f"{kubeflow.path(kubeflow.root)}/.temp/task-7/"


def test_what_an_attempt_before_left_is_gone(kubeflow):
    left = kubeflow.path(f"{kubeflow.root}/schema/half-written")
    left.parent.mkdir(parents=True)
    left.touch()
    assert kubeflow.run(COMPONENTS["SchemaGen"]) == 0
    _, _, outputs, _ = recording_executor.CALLS.pop()
    assert not any(Path(outputs["schema"][0].uri).iterdir())
