"""The Evaluator as built: what it is told, that Beam's arguments reach it, and that it stands on its own feet."""

import json
import subprocess
import sys
import textwrap

import pytest
from tfx import v1 as tfx
from tfx.dsl.components.base import executor_spec
from tfx.types import standard_artifacts

from components.evaluator.component import AlignEvaluator, eval_config
from components.evaluator.config import METRICS, EvaluationConfig
from components.evaluator.stored.results import load_baseline_metrics, load_metrics


def thresholds(config: EvaluationConfig) -> dict[str, tuple[float, float | None]]:
    """Returns "<split>/<metric>" -> (least value, largest fall or None) as TFMA is told."""
    told = {}
    for metric in eval_config(config).metrics_specs[0].metrics:
        for entry in metric.per_slice_thresholds:
            (spec,) = entry.slicing_specs
            fall = None
            if entry.threshold.HasField("change_threshold"):
                fall = -entry.threshold.change_threshold.absolute.value
            name = f"{spec.feature_values['split']}/{json.loads(metric.config)['name']}"
            told[name] = (entry.threshold.value_threshold.lower_bound.value, fall)
    return told


def test_thresholds_are_per_split_and_a_number_is_always_demanded():
    config = EvaluationConfig(
        splits=("seen", "unseen"),
        min_metrics={"seen/i2t_recall_at_1": 0.2, "unseen/zero_shot_top_1": 0.4},
        max_drop_from_baseline=0.05,
    )
    assert thresholds(config) == {
        "seen/i2t_recall_at_1": (0.2, pytest.approx(0.05)),
        "seen/t2i_recall_at_1": (0.0, None),
        "unseen/i2t_recall_at_1": (0.0, None),
        "unseen/t2i_recall_at_1": (0.0, None),
        "unseen/zero_shot_top_1": (0.4, pytest.approx(0.05)),
    }


def test_each_split_is_a_slice_and_there_is_none_over_all():
    config = eval_config(EvaluationConfig(splits=("seen", "unseen")))
    assert [dict(spec.feature_values) for spec in config.slicing_specs] == [{"split": "seen"}, {"split": "unseen"}]
    names = [json.loads(metric.config)["name"] for metric in config.metrics_specs[0].metrics]
    assert set(METRICS) < set(names)


def test_the_order_in_which_classes_are_listed_changes_nothing():
    names = {"cat": ("cat", "kitten"), "dog": ("dog",)}
    turned = dict(reversed(names.items()))
    assert eval_config(EvaluationConfig(class_names=names)) == eval_config(EvaluationConfig(class_names=turned))


def test_beam_arguments_reach_the_evaluator():
    def channel(kind):
        return tfx.dsl.Channel(type=kind)

    evaluator = AlignEvaluator(
        EvaluationConfig(),
        examples=channel(standard_artifacts.Examples),
        model=channel(standard_artifacts.Model),
        baseline="",
    )
    assert isinstance(evaluator.executor_spec, executor_spec.BeamExecutorSpec)


ALONE = textwrap.dedent("""
    import gc, sys
    gc.disable()  # a sixth of the time that TFX takes to load
    from tfx import v1 as tfx
    from tfx.types import artifact_utils, standard_artifacts
    from components.evaluator.component import AlignEvaluator
    from components.evaluator.config import EvaluationConfig

    examples_uri, model_uri, output = sys.argv[1:]
    config = EvaluationConfig(splits=("seen",), class_names={"odd": ("concept 1", "concept 3")})
    channels = {
        name: tfx.dsl.Channel(type=kind)
        for name, kind in (("examples", standard_artifacts.Examples), ("model", standard_artifacts.Model))
    }
    evaluator = AlignEvaluator(config, **channels, baseline=model_uri + "/Format-Serving")

    def artifact(kind, uri, number=0):
        made = kind()
        made.uri, made.id = uri, number
        return [made]

    examples = artifact(standard_artifacts.Examples, examples_uri)
    examples[0].split_names = artifact_utils.encode_split_names(["seen"])
    examples[0].set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    inputs = {
        "examples": examples,
        "model": artifact(standard_artifacts.Model, model_uri, 2),
    }
    outputs = {
        "evaluation": artifact(standard_artifacts.ModelEvaluation, output + "/evaluation"),
        "blessing": artifact(standard_artifacts.ModelBlessing, output + "/blessing"),
    }
    executor = evaluator.executor_spec.executor_class
    executor(executor.Context(tmp_dir=output)).Do(inputs, outputs, dict(evaluator.exec_properties))
""")


def test_in_a_process_of_its_own_it_knows_the_ops_of_tf_text_and_what_a_class_asks(
    concept_model, write_concepts, tmp_path
):
    """Nobody in that process imports TF Text but the Evaluator; candidate and baseline need its ops to load.

    Of eight images, the four even ones and 1 and 3 are named right; 5 and 7 resemble neither class, which is a tie.
    """
    write_concepts(tmp_path / "examples", {"seen": 8})
    served = tmp_path / "model" / "Format-Serving"
    served.parent.mkdir()
    served.symlink_to(concept_model(0))
    for output in ("evaluation", "blessing"):
        (tmp_path / output).mkdir()
    command = [sys.executable, "-c", ALONE, str(tmp_path / "examples"), str(tmp_path / "model"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "blessing" / "BLESSED").exists()
    for load in (load_metrics, load_baseline_metrics):
        assert load(str(tmp_path / "evaluation"))["seen"]["zero_shot_top_1"] == (4 + 2 + 2 * 0.5) / 8
