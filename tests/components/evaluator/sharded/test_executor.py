"""The sharded Evaluator beside TFMA's on the same files: the same numbers, slices, failures and verdicts."""

from __future__ import annotations

import json
import math
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma

from components.evaluator.component import AlignEvaluator
from components.evaluator.config import EvaluationConfig
from components.evaluator.sharded.component import ShardedEvaluator
from components.evaluator.sharded.passes.embed_pass import Model
from components.evaluator.sharded.passes.evaluate_job import Question, Sizes, evaluate
from components.evaluator.stored.results import (
    is_blessed,
    load_baseline_metrics,
    load_metrics,
    load_slices,
    load_validation,
)

CONFIG = EvaluationConfig(
    splits=("seen", "unseen"),
    min_metrics={"seen/i2t_recall_at_1": 0.5, "unseen/t2i_recall_at_5": 0.25},
    slices=("language", "source", "class"),
    class_names={"third": ("concept 0",)},
)


@pytest.fixture(scope="module")
def examples(tmp_path_factory, write_concepts) -> str:
    folder = tmp_path_factory.mktemp("examples")
    write_concepts(folder, {"seen": 20, "unseen": 12}, files=3)
    write_concepts(folder, {"empty": 0})
    return str(folder)


@pytest.fixture(scope="module")
def judged(examples, concept_model, run_evaluator, tmp_path_factory):
    """Returns a function: (Evaluator, confused of the model and of the baseline, config, scale) -> its artifacts."""

    def judge(evaluator, confused, before=None, config=CONFIG, scale=1.0) -> dict:
        folders = {"examples": examples, "model": concept_model(confused, scale)}
        if before is not None:
            folders["baseline"] = concept_model(before)
        return run_evaluator(evaluator, config, folders, tmp_path_factory.mktemp("judged"))

    return judge


def told(made: dict) -> tuple:
    """Returns all that later readers read of an evaluation, and the verdict as the Pusher reads it."""
    evaluation, blessing = made["evaluation"].uri, made["blessing"]
    readers = (load_metrics, load_baseline_metrics, load_slices, load_validation)
    verdict = is_blessed(blessing.uri), blessing.get_int_custom_property("blessed")
    return (*(read(evaluation) for read in readers), verdict)


def test_a_model_that_regressed_is_refused_with_the_numbers_slices_and_words_of_tfmas(judged):
    by_tfma, sharded = (judged(evaluator, 5, before=4) for evaluator in (AlignEvaluator, ShardedEvaluator))
    np.testing.assert_equal(told(sharded), told(by_tfma))  # also where both are no number
    metrics, baseline, slices, failures, verdict = told(sharded)
    assert metrics["seen"]["i2t_recall_at_1"] == pytest.approx(1 - 5 / 20)
    assert baseline["seen"]["i2t_recall_at_1"] == pytest.approx(1 - 4 / 20)
    assert set(slices["seen"]) == {"language", "source", "class"}
    assert set(slices["seen"]["source"]) == {"a.org", "b.org"}
    assert verdict == (False, 0)
    assert "seen/i2t_recall_at_1 is 0.7500, which is 0.0500 below the last blessed model's 0.8000" in failures[0]


def test_a_better_model_is_blessed_nothing_is_left_aside_and_tfma_itself_reads_the_result(judged):
    made = judged(ShardedEvaluator, 4, before=5)
    folder = Path(made["evaluation"].uri)
    assert told(made)[3:] == ([], (True, 1))
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == [
        "eval_config.json",
        "metrics-00000-of-00001.tfrecord",
        "numbers.json",
        "validations.tfrecord",
    ]
    numbers = json.loads((folder / "numbers.json").read_text())
    assert numbers["metrics"]["seen"]["i2t_recall_at_1"] == pytest.approx(16 / 20)
    assert numbers["baseline"]["seen"]["i2t_recall_at_1"] == pytest.approx(15 / 20)
    result = tfma.load_eval_result(str(folder), model_name="candidate")
    found = dict(result.slicing_metrics)
    assert found[(("split", "seen"),)][""][""]["i2t_recall_at_1"]["doubleValue"] == pytest.approx(16 / 20)


def test_a_diverged_model_and_an_empty_split_are_refused_in_the_same_words(judged):
    config = EvaluationConfig(splits=("seen", "empty"), slices=("class",))
    found = told(judged(ShardedEvaluator, 0, None, config, math.nan))
    assert found[3] == [
        "empty: the split has no Examples, so nothing was judged on it.",
        "seen/i2t_recall_at_1 is not a number: the model gave embeddings that are not finite.",
        "seen/t2i_recall_at_1 is not a number: the model gave embeddings that are not finite.",
    ]
    assert found[4] == (False, 0)
    assert math.isnan(found[2]["seen"]["class"]["odd"]["t2i_recall_at_1"])


def test_small_shards_and_blocks_give_the_numbers_of_the_whole(examples, concept_model, tmp_path):
    files = {"seen": sorted(map(str, Path(examples, "Split-seen").iterdir()))}
    question = Question(("{}",), {}, ())
    with beam.Pipeline() as pipeline:
        numbers = evaluate(pipeline, files, [concept_model(6)], question, str(tmp_path / "aside"), Sizes(2, 3, 2))
        _ = numbers | beam.Map(lambda of: (tmp_path / "numbers.json").write_text(json.dumps(of)))
    split, ((_, found),) = json.loads((tmp_path / "numbers.json").read_text())
    captions = [1 + i % 3 for i in range(20)]
    expected = {
        "num_images": 20,
        "num_captions": sum(captions),
        "num_classes": 2,
        "i2t_recall_at_5": 14 / 20,
        "t2i_recall_at_5": 1 - sum(captions[:6]) / sum(captions),
        "zero_shot_top_1": 1.0,
        "majority_class_share": 0.5,
        "chance_t2i_recall_at_5": 5 / 20,
    }
    assert split == "seen"
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert len(list((tmp_path / "aside").glob("*.known.json"))) > len(files["seen"])


def test_a_model_without_the_signature_is_one_sentence(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    with pytest.raises(ValueError, match=r"has the signatures \[\] and lacks 'evaluate', by which a model is judged"):
        Model(str(tmp_path / "bare"))
