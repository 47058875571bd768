"""What a change of the configuration runs again: a component does when its execution properties or inputs differ."""

from __future__ import annotations

import pytest

from components.evaluator.baseline import build_baseline_resolver
from tfx_pipeline.config import build
from tfx_pipeline.pipeline import create_pipeline


def properties(**evaluation) -> dict[str, dict]:
    """Returns component -> its execution properties."""
    config = build({"name": "mine", "ingest": {"shards": "gs://bucket/shards"}, "evaluation": evaluation})
    pipeline = create_pipeline(
        config, artifact_root="artifacts", push_to="pushed", resolve_baseline=build_baseline_resolver
    )
    return {component.id: component.exec_properties for component in pipeline.components}


@pytest.mark.parametrize(
    "change",
    [
        {"prompts": ["a drawing of {}"]},
        {"class_names": {"n02084071": ["dog"]}},
        {"min_metrics": {"validation/zero_shot_top_1": 0.5}},
    ],
)
def test_how_a_model_is_judged_is_the_evaluators_business_alone(change):
    before, after = properties(), properties(**change)
    assert before == properties()
    assert {name for name in before if before[name] != after[name]} == {"Evaluator"}
