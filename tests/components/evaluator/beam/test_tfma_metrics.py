"""The collecting metrics: order, bundles and padding change nothing; what is broken is named, not blessed."""

import itertools
import math
import random
from pathlib import Path

import apache_beam as beam
import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.utils import config_util
from tfx_bsl.public.tfxio import TFExampleRecord

from components.evaluator.beam.extractors import custom_extractors
from components.evaluator.beam.tfma_metrics import FACTS, Gallery, GalleryMetric, _CollectGallery
from components.evaluator.component import eval_config
from components.evaluator.config import METRICS, EvaluationConfig
from components.evaluator.stored.results import load_metrics, load_validation
from serving.signatures import CAPTION_COUNT, CAPTION_EMBEDDING, IMAGE_EMBEDDING, LABEL, LABEL_EMBEDDING


def predictions(images: int) -> list[dict]:
    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> np.ndarray:
        rows = rng.normal(size=shape).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=-1, keepdims=True)

    asking = [
        {
            IMAGE_EMBEDDING: drawn(8),
            CAPTION_EMBEDDING: np.zeros((2, 8), np.float32),
            CAPTION_COUNT: np.int64(0),
            LABEL: f"class {number}".encode(),
            LABEL_EMBEDDING: drawn(8),
        }
        for number in range(6)
    ]
    made = []
    for image in range(images):
        count = 1 + image % 3
        padded = np.zeros((count + image % 2, 8), np.float32)
        padded[:count] = drawn(count, 8)
        made.append(
            {
                IMAGE_EMBEDDING: drawn(8),
                CAPTION_EMBEDDING: padded,
                CAPTION_COUNT: np.int64(count),
                LABEL: b"" if image % 5 == 4 else f"class {image % 4}".encode(),
                LABEL_EMBEDDING: np.zeros(8, np.float32),
            }
        )
    return made + asking


def gallery_of(items: list[dict]) -> Gallery:
    gallery = Gallery()
    for item in items:
        gallery.add(item)
    return gallery


def test_padding_is_cut_and_every_number_is_there():
    numbers = gallery_of(predictions(12)).numbers()
    assert set(numbers) == {*METRICS, *FACTS}
    assert numbers["num_captions"] == sum(1 + i % 3 for i in range(12))
    assert numbers["num_images"] == 12
    assert numbers["num_classes"] == 6  # of two of which there is no image
    assert numbers["chance_zero_shot"] == 1 / 6


@pytest.mark.parametrize("seed", range(5))
def test_any_order_and_any_split_into_bundles_gives_the_same_numbers(seed):
    items = predictions(30)
    expected = gallery_of(items).numbers()
    shuffle = random.Random(seed)
    shuffle.shuffle(items)
    cuts = sorted(shuffle.sample(range(1, len(items)), 4))
    bundles = [gallery_of(items[a:b]) for a, b in itertools.pairwise([0, *cuts, len(items)])]
    for bundle in bundles[::2]:
        bundle.compact()
    shuffle.shuffle(bundles)
    assert combine(bundles).numbers() == expected


def test_merging_is_associative_and_commutative_and_has_a_neutral_element():
    def parts() -> list[Gallery]:
        return [gallery_of(predictions(n)) for n in (3, 5, 7)]

    a, b, c = parts()
    left = combine([combine([a, b]), c]).numbers()
    a, b, c = parts()
    right = combine([a, combine([c, b]), Gallery()]).numbers()
    a, b, c = parts()
    assert left == right == combine([c, a, b]).numbers()


def combine(galleries: list[Gallery]) -> Gallery:
    return _CollectGallery(tfma.metrics.MetricKey(name="_gallery")).merge_accumulators(galleries)


def test_an_empty_gallery_has_no_numbers():
    assert all(math.isnan(value) for value in Gallery().numbers().values())


def test_a_name_that_is_no_metric_is_refused():
    with pytest.raises(ValueError, match="name is 'recall'; it must be one of"):
        GalleryMetric(name="recall")


def evaluate(saved_model: str, config: EvaluationConfig, examples: Path, batch: int, output: Path) -> str:
    """Run TFMA as the Evaluator does, with batches of a chosen size."""
    tfma_config = config_util.update_eval_config_with_defaults(eval_config(config), rubber_stamp=True)
    model = tfma.default_eval_shared_model(saved_model, eval_config=tfma_config)
    with beam.Pipeline() as pipeline:
        sources = [
            pipeline
            | split
            >> TFExampleRecord(
                str(examples / f"Split-{split}" / "*"), raw_record_column_name=tfma.ARROW_INPUT_COLUMN
            ).BeamSource(batch_size=batch)
            for split in config.splits
        ]
        _ = (
            sources
            | beam.Flatten()
            | tfma.ExtractEvaluateAndWriteResults(
                eval_shared_model=model,
                eval_config=tfma_config,
                extractors=custom_extractors(model, tfma_config, None),
                output_path=str(output),
            )
        )
    return str(output)


@pytest.fixture(scope="module")
def examples(tmp_path_factory, write_concepts) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    write_concepts(folder, {"seen": 20, "unseen": 12, "unlabelled": 4, "empty": 0})
    return folder


def test_the_batch_size_changes_no_number(concept_model, examples, tmp_path):
    config = EvaluationConfig(splits=("seen", "unseen"))
    one = load_metrics(evaluate(concept_model(6), config, examples, 1, tmp_path / "one"))
    seven = load_metrics(evaluate(concept_model(6), config, examples, 7, tmp_path / "seven"))
    np.testing.assert_equal(one, seven)  # also where both are no number
    assert one["seen"]["i2t_recall_at_1"] == pytest.approx(14 / 20)


def test_a_diverged_model_and_an_empty_split_are_refused_without_any_threshold(concept_model, examples, tmp_path):
    config = EvaluationConfig(splits=("seen", "empty"))
    result = evaluate(concept_model(0, math.nan), config, examples, 100, tmp_path / "diverged")
    assert load_validation(result) == [
        "empty: the split has no Examples, so nothing was judged on it.",
        "seen/i2t_recall_at_1 is not a number: the model gave embeddings that are not finite.",
        "seen/t2i_recall_at_1 is not a number: the model gave embeddings that are not finite.",
    ]


def test_a_zero_shot_threshold_that_any_or_no_model_meets_refuses_and_says_why(concept_model, examples, tmp_path):
    """Among so few classes that any model scores one, and on images without labels."""
    least = {"seen/zero_shot_top_5": 0.0, "unlabelled/zero_shot_top_1": 0.0}
    config = EvaluationConfig(splits=("seen", "unlabelled"), min_metrics=least)
    result = evaluate(concept_model(0), config, examples, 100, tmp_path / "met")
    classes = int(load_metrics(result)["seen"]["num_classes"])
    assert 1 < classes <= 5
    assert load_validation(result) == [
        f"seen/zero_shot_top_5 is not a number: there are {classes} classes, and any model scores 1.",
        "unlabelled/zero_shot_top_1 is not a number: no image of the split has a class label.",
    ]


def test_classes_are_those_of_all_splits_and_of_the_config(concept_model, tmp_path, write_concepts):
    write_concepts(tmp_path, {"seen": 8, "one": 1, "unlabelled": 4, "empty": 0})
    names = {"odd": ("odd",), "third": ("concept 0",)}
    config = EvaluationConfig(splits=("seen", "one", "unlabelled", "empty"), prompts=("{}",), class_names=names)
    found = load_metrics(evaluate(concept_model(0), config, tmp_path, 3, tmp_path / "three"))
    # Concept 0 is even, but its picture is just like what the listed class that no picture is of asks with.
    assert {split: found[split]["zero_shot_top_1"] for split in ("seen", "one")} == {"seen": 7 / 8, "one": 0.0}
    for split, images in {"seen": 8, "one": 1}.items():
        assert (found[split]["num_classes"], found[split]["chance_zero_shot"]) == (3, 1 / 3)
        assert found[split]["num_images"] == images
    assert found["unlabelled"]["num_classes"] == 0
    assert "empty" not in found

    config = EvaluationConfig(splits=("one",), min_metrics={"one/zero_shot_top_1": 0.0})
    alone = evaluate(concept_model(0), config, tmp_path, 3, tmp_path / "alone")
    assert load_validation(alone) == ["one/zero_shot_top_1 is not a number: there is 1 class, and any model scores 1."]


def test_a_folder_without_evaluation_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no evaluation"):
        load_metrics(str(tmp_path))
