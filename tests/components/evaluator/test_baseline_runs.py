"""A small pipeline run for real, six times over: blessing, caching, baseline, refusal, and no push of the refused."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata

from components.evaluator.config import EvaluationConfig
from components.evaluator.stored.results import is_blessed, load_baseline_metrics, load_metrics, load_validation

IMAGES = {"seen": 20, "unseen": 12}
CONFIG = EvaluationConfig(
    splits=("seen", "unseen"), min_metrics={"seen/i2t_recall_at_1": 0.5, "unseen/t2i_recall_at_5": 0.25}
)
COMPLETE, CACHED = metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED


@dataclasses.dataclass
class Run:
    states: dict[str, int]
    uris: dict[str, str]
    baseline: str
    pushed: list[str]


@pytest.fixture(scope="module")
def judge(run_pipeline, concept_model):
    """Returns a function: (confused) -> what a run with that model left behind."""

    def run(confused: int, config: EvaluationConfig = CONFIG) -> Run:
        root = run_pipeline(concept_model(confused), config, IMAGES)
        connection = metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite"))
        store = metadata_store.MetadataStore(connection)
        run = Run({}, {}, "", sorted(path.name for path in (root / "pushed").glob("*")))
        for node in ("ConceptExamples", "TrainerStandIn", "BaselineModel", "Evaluator", "Pusher"):
            context = store.get_context_by_type_and_name("node", f"judge.{node}")
            execution = max(store.get_executions_by_context(context.id), key=lambda found: found.id)
            run.states[node] = execution.last_known_state
            for event in store.get_events_by_execution_ids([execution.id]):
                key = event.path.steps[0].key
                (artifact,) = store.get_artifacts_by_id([event.artifact_id])
                if node == "Evaluator" and event.type == metadata_store_pb2.Event.OUTPUT:
                    run.uris[key] = artifact.uri
                if node == "BaselineModel" and key == "version":
                    run.baseline = Path(artifact.uri).read_text(encoding="utf-8")
        return run

    return run


@pytest.fixture(scope="module")
def runs(judge) -> dict[str, Run]:
    return {
        "first": judge(confused=6),
        "unchanged": judge(confused=6),
        "better": judge(confused=4),
        "fell": judge(confused=5),
        "too low": judge(confused=11),
        "first again": judge(confused=6),
    }


def test_a_first_model_is_judged_by_its_thresholds_alone(runs):
    first = runs["first"]
    assert first.baseline == ""
    assert is_blessed(first.uris["blessing"])
    assert load_validation(first.uris["evaluation"]) == []
    assert load_baseline_metrics(first.uris["evaluation"]) == {}
    assert len(first.pushed) == 1


def test_the_numbers_are_those_worked_out_by_hand(runs):
    metrics = load_metrics(runs["first"].uris["evaluation"])
    assert set(metrics) == {"seen", "unseen"}  # and no slice over both
    seen = metrics["seen"]
    assert seen["i2t_recall_at_1"] == seen["i2t_recall_at_10"] == pytest.approx(14 / 20)
    assert metrics["unseen"]["i2t_recall_at_1"] == pytest.approx(6 / 12)
    captions = sum(1 + i % 3 for i in range(20))
    assert seen["t2i_recall_at_5"] == pytest.approx(1 - sum(1 + i % 3 for i in range(6)) / captions)
    assert seen["zero_shot_top_1"] == 1.0
    assert (seen["num_images"], seen["num_captions"], seen["num_classes"]) == (20, captions, 2)
    assert (seen["majority_class_share"], seen["chance_zero_shot"]) == (0.5, 0.5)
    assert seen["chance_t2i_recall_at_5"] == 5 / 20


def test_an_unchanged_run_comes_from_the_cache_whole(runs):
    again = runs["unchanged"]
    assert set(again.states.values()) == {CACHED}
    assert again.uris == runs["first"].uris
    assert again.pushed == runs["first"].pushed


def test_a_better_model_is_compared_with_the_one_before_and_pushed(runs):
    better = runs["better"]
    assert better.states["Evaluator"] == COMPLETE
    assert Path(better.baseline).name == runs["first"].pushed[0]
    before = load_metrics(runs["first"].uris["evaluation"])
    np.testing.assert_equal(load_baseline_metrics(better.uris["evaluation"]), before)  # also where both are no number
    assert is_blessed(better.uris["blessing"])
    assert len(better.pushed) == 2


def test_a_model_that_fell_too_far_is_refused_and_not_pushed(runs):
    fell = runs["fell"]
    assert not is_blessed(fell.uris["blessing"])
    assert load_validation(fell.uris["evaluation"]) == [
        "seen/i2t_recall_at_1 is 0.7500, which is 0.0500 below the last blessed model's 0.8000; "
        "evaluation.max_drop_from_baseline allows 0.0200.",
        "unseen/t2i_recall_at_5 is 0.6250, which is 0.0833 below the last blessed model's 0.7083; "
        "evaluation.max_drop_from_baseline allows 0.0200.",
    ]
    assert fell.pushed == runs["better"].pushed


def test_a_model_that_misses_a_threshold_is_refused_and_not_pushed(runs):
    low = runs["too low"]
    assert not is_blessed(low.uris["blessing"])
    assert "seen/i2t_recall_at_1 is 0.4500, below evaluation.min_metrics = 0.5000." in load_validation(
        low.uris["evaluation"]
    )
    assert low.pushed == runs["better"].pushed


def test_a_refused_model_is_no_baseline(runs):
    numbers = load_baseline_metrics(runs["too low"].uris["evaluation"])
    np.testing.assert_equal(numbers, load_metrics(runs["better"].uris["evaluation"]))  # not those of the one that fell


def test_going_back_to_an_earlier_model_comes_from_the_cache(runs):
    assert set(runs["first again"].states.values()) == {CACHED}
