"""What a change of the configuration runs again: a component does when its execution properties or inputs differ."""

from __future__ import annotations

import json

import pytest

from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.rerun import known_components
from tfx_pipeline.settings.config import build


def pipeline_of(**sections):
    config = build({"name": "mine", "ingest": {"shards": "gs://bucket/shards"}, **sections})
    return create_pipeline(config, artifact_root="artifacts", push_to="pushed", checkpoints="c")


def properties(**evaluation) -> dict[str, dict]:
    """Returns component -> its execution properties."""
    pipeline = pipeline_of(evaluation=evaluation)
    return {component.id: component.exec_properties for component in pipeline.components}


@pytest.mark.parametrize(
    "change",
    [
        {"prompts": ["a drawing of {}"]},
        {"class_names": {"n02084071": ["dog"]}},
        {"min_metrics": {"validation/t2i_recall_at_10": 0.5}},
        {"slices": ["language", "source"]},
    ],
)
def test_how_a_model_is_judged_is_the_evaluators_business_alone(change):
    before, after = properties(), properties(**change)
    assert before == properties()
    assert {name for name in before if before[name] != after[name]} == {"Evaluator"}


def test_how_a_model_is_served_is_the_serving_validators_business_alone():
    before, after = (
        {component.id: component.exec_properties for component in pipeline_of(**sections).components}
        for sections in ({}, {"serving_validation": {"max_latency_ms": 50}})
    )
    assert {name for name in before if before[name] != after[name]} == {"ServingValidator"}
    assert json.loads(after["ServingValidator"]["serving_validation"])["max_latency_ms"] == 50


def test_the_pusher_hears_both_verdicts_on_the_model_that_it_pushes():
    components = {component.id: component for component in pipeline_of().components}
    pusher, judge, server = (components[name] for name in ("Pusher", "Evaluator", "ServingValidator"))
    model = components["Trainer"].outputs["model"]
    assert pusher.inputs["model_blessing"] is judge.outputs["blessing"]
    assert pusher.inputs["infra_blessing"] is server.outputs["blessing"]
    assert {each.inputs["model"] for each in (pusher, judge, server)} == {model}


def test_another_precision_stands_between_training_and_all_that_takes_the_model():
    before, after = (
        {component.id: component for component in pipeline_of(export=export).components}
        for export in ({}, {"precision": "bfloat16", "min_cosine": 0.99})
    )
    assert after.keys() - before.keys() == {"Exporter"}
    changed = {name for name in before if before[name].exec_properties != after[name].exec_properties}
    assert changed == {"ServingValidator"}
    assert after["ServingValidator"].exec_properties["min_cosine"] == 0.99
    assert json.loads(after["Exporter"].exec_properties["export"])["precision"] == "bfloat16"
    model, float32 = after["Exporter"].outputs["model"], after["Trainer"].outputs["model"]
    takers = ("Pusher", "Evaluator", "ServingValidator")
    assert {after[name].inputs["model"] for name in takers} == {after["BaselineModel"].inputs["candidate"]} == {model}
    assert after["ServingValidator"].inputs["float32_model"] is float32


def test_evaluation_sets_are_read_by_components_of_their_own_for_the_filter_alone():
    pipeline = pipeline_of(evaluation_sets={"coco": {"shards": "gs://c"}, "flickr30k": {"shards": "gs://f"}})
    components = {component.id: component for component in pipeline.components}
    sets = {"EvaluationSet-coco", "EvaluationSet-flickr30k"}
    files = {"PairFiles-coco", "PairFiles-flickr30k"}
    assert set(components) == {component.id for component in pipeline_of().components} | sets | files
    assert {node.id for node in components["PairFilter"].upstream_nodes} == {"PairExampleGen", *sets}
    for name in sets:
        assert {node.id for node in components[name].downstream_nodes} == {"PairFilter"}
    for id_, component in components.items():
        assert id_ == "PairFilter" or not {node.id for node in component.upstream_nodes} & sets


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"evaluation_sets": {"coco": {"shards": "gs://c"}, "flickr30k": {"shards": "gs://f"}}},
        {"validation": {"schema": "schema.pbtxt", "on_anomalies": "stop"}, "export": {"precision": "bfloat16"}},
    ],
)
def test_component_ids_are_known_without_building_the_pipeline(sections):
    built = [component.id for component in pipeline_of(**sections).components]
    known = known_components(build({"name": "mine", "ingest": {"shards": "gs://bucket/shards"}, **sections}))
    assert sorted(known) == sorted(built)


@pytest.mark.parametrize(
    ("given", "taken"), [({}, "models/base/vocab.txt"), ({"file": "/mine/vocab.txt"}, "/mine/vocab.txt")]
)
def test_a_base_models_vocabulary_is_taken_where_none_is_named(given, taken):
    pipeline = pipeline_of(training={"base_model": "models/base"}, vocabulary=given)
    learner = next(component for component in pipeline.components if component.id == "Vocabulary")
    assert json.loads(learner.exec_properties["vocabulary_config"])["file"] == taken


def test_the_engine_is_the_evaluators_kind_and_nothing_else_changes():
    by_tfma, sharded = (
        {component.id: component for component in pipeline_of(evaluation={"engine": engine}).components}
        for engine in ("tfma", "beam")
    )
    assert by_tfma.keys() == sharded.keys()
    kinds = {id_: (type(by_tfma[id_]), type(sharded[id_])) for id_ in by_tfma}
    assert {id_ for id_, (before, after) in kinds.items() if before is not after} == {"Evaluator"}
    evaluator = sharded["Evaluator"]
    assert evaluator.exec_properties["eval_config"] == by_tfma["Evaluator"].exec_properties["eval_config"]
    assert evaluator.executor_spec.class_path == "components.evaluator.sharded.executor.Executor"
    assert evaluator.type != by_tfma["Evaluator"].type  # by which TFX's cache knows them apart
