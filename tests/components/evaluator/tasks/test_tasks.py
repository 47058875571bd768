"""What each task fills in, on sets of a few items whose answers are plain to see."""

from __future__ import annotations

import math

import numpy as np
import pytest

from components.evaluator.datasets.kinds import ChoiceSet, ClassSet, PairSet, PositivesSet, RatedSet, TrainedSet
from components.evaluator.tasks.choice import judge_choice
from components.evaluator.tasks.judged import Item, Judged
from components.evaluator.tasks.knn import judge_knn
from components.evaluator.tasks.probe import judge_probe
from components.evaluator.tasks.retrieval import judge_pairs, judge_positives
from components.evaluator.tasks.similarity import judge_similarity
from components.evaluator.tasks.zero_shot import class_texts, judge_zero_shot

BLANK = Judged("set", "", "test", "en", {})
CIRCLE = 24  # directions of unit vectors in the plane


def nothing() -> bytes:
    return b""


def at(*places: float) -> np.ndarray:
    """Returns unit vectors at these hours of a clock with CIRCLE hours."""
    angles = 2 * np.pi * np.array(places) / CIRCLE
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def names(prefix: str, count: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in range(count))


def pairs(counts: list[int]) -> PairSet:
    images = len(counts)
    return PairSet(names("i", images), (nothing,) * images, names("t", sum(counts)), np.array(counts))


def classes(labels: list[int], count: int, prefix: str = "i") -> ClassSet:
    images = len(labels)
    return ClassSet(
        names(prefix, images), (nothing,) * images, np.array(labels), tuple((f"c{n}",) for n in range(count))
    )


def values(judged: Judged) -> dict[str, float]:
    return {name: number.value for name, number in judged.numbers.items()}


def means_are_the_numbers(judged: Judged) -> None:
    for told in judged.per_query.values():
        for name, each in told.items():
            if name in judged.numbers and not name.endswith("rank") and not math.isnan(judged.numbers[name].value):
                assert each.mean() == pytest.approx(judged.numbers[name].value)
                if judged.numbers[name].queries > 1:
                    assert judged.numbers[name].low <= judged.numbers[name].value <= judged.numbers[name].high


def test_retrieval_finds_its_own_and_tells_what_it_mistook():
    images = at(*range(0, 24, 2))  # 12 images, each with its caption beside it but for the last two, which are swapped
    captions = at(*[2 * n + 0.1 for n in range(10)], 22, 20)
    judged = judge_pairs(BLANK, pairs([1] * 12), images, captions)
    told = values(judged)
    assert told["i2t_recall_at_1"] == told["t2i_recall_at_1"] == pytest.approx(10 / 12)
    assert told["i2t_recall_at_5"] == 1
    assert told["i2t_median_rank"] == 1
    assert judged.numbers["i2t_recall_at_1"].chance == pytest.approx(1 / 12)
    assert told["mean_recall"] == pytest.approx(
        np.mean([told[f"{w}_recall_at_{k}"] for w in ("i2t", "t2i") for k in (1, 5, 10)])
    )
    assert list(judged.numbers)[:3] == ["i2t_recall_at_1", "t2i_recall_at_1", "mean_recall"]
    wrong = {(failure.way, failure.asked, failure.got, failure.right) for failure in judged.failures}
    assert wrong == {
        ("i2t", Item(image="i10"), Item("t11"), Item("t10")),
        ("i2t", Item(image="i11"), Item("t10"), Item("t11")),
        ("t2i", Item("t10"), Item(image="i11"), Item(image="i10")),
        ("t2i", Item("t11"), Item(image="i10"), Item(image="i11")),
    }
    assert judged.curves["recall_i2t"][0] == (1.0, pytest.approx(10 / 12))
    means_are_the_numbers(judged)


def test_captions_of_one_image_are_one_cluster_and_have_names():
    judged = judge_pairs(BLANK, pairs([2, 1]), at(0, 12), at(0, 1, 12))
    assert judged.answers["t2i"].keys == ("i0#0", "i0#1", "i1#0")
    assert judged.answers["t2i"].clusters.tolist() == [0, 0, 1]


def test_a_recall_past_the_gallery_is_no_number_and_said():
    judged = judge_pairs(BLANK, pairs([1] * 7), at(*range(7)), at(*range(7)))
    assert "i2t_recall_at_10" not in judged.numbers
    assert "mean_recall" not in judged.numbers
    assert judged.notes == (
        "i2t: no recall at 10, as some query has only 7 captions to choose from",
        "t2i: no recall at 10, as some query has only 7 images to choose from",
    )


def test_copies_in_the_gallery_are_said_to_be_there():
    judged = judge_pairs(BLANK, pairs([1, 1, 1]), at(0, 8, 8), at(0, 8, 9))  # image 2 is a copy of image 1
    assert (
        "t2i: 2 of 3 queries have a wrong answer just as similar as the right one, such as a copy of it" in judged.notes
    )
    assert not [note for note in judged.notes if note.startswith("i2t") and "copy" in note]
    assert values(judged)["t2i_recall_at_1"] == pytest.approx((1 + 0.5 + 0.5) / 3)


def test_images_that_were_learnt_from_are_counted():
    trained = TrainedSet(classes([0, 0, 1, 1], 2, "train"), classes([0, 1, 1], 2))
    judged = judge_knn(BLANK, trained, at(0, 1, 8, 9), at(0, 8, 12))
    assert judged.notes == ("images that have the vector of a training image of their class, as copies of it have: 2",)


def test_an_image_without_a_caption_asks_nothing_and_is_counted():
    judged = judge_pairs(BLANK, pairs([1, 0, 1]), at(0, 5, 10), at(0, 10))
    assert "i2t: 1 rows have no right answer and ask nothing" in judged.notes
    assert judged.numbers["i2t_recall_at_1"].queries == 2


def test_listed_answers_are_asked_for_within_a_modality_too():
    gallery = pairs([1] * 6)
    own = np.stack([np.arange(6)] * 2, axis=1)
    positives = PositivesSet(
        gallery,
        own,
        own,
        text_text=np.array([[0, 1], [1, 0], [4, 0]]),
        image_image=np.array([[2, 3]]),
        text_text_excluded=np.array([[0, 5]]),
    )
    judged = judge_positives(BLANK, positives, at(0, 4, 8, 9, 12, 16), at(0, 1, 8, 9, 12, 0.1))
    told = values(judged)
    assert told["t2t_recall_at_1"] == pytest.approx(1 / 3)  # 0 finds 1, as 5 is out; 1 finds 5; 4 finds 3
    assert told["i2i_recall_at_1"] == 1
    wrong = [(f.asked.text, f.got.text, f.right.text) for f in judged.failures if f.way == "t2t"]
    assert sorted(wrong) == [("t1", "t5", "t0"), ("t4", "t3", "t0")]
    means_are_the_numbers(judged)


def test_zero_shot_names_classes_and_those_it_mistakes():
    classified = classes([0, 0, 1, 2, 2, 2], 3)
    assert class_texts(classified)[0] == ("c0", "c1", "c2")
    judged = judge_zero_shot(BLANK, classified, at(0, 1, 8, 16, 9, 17), at(0, 8, 16), temperature=0.1)
    told = values(judged)
    assert told["top_1"] == pytest.approx(5 / 6)
    assert told["mean_per_class"] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert math.isnan(told["top_5"])  # of 3 classes any model would have it
    assert judged.confusions == (("c2", "c1", 1),)
    assert [(f.asked.image, f.got.text, f.right.text) for f in judged.failures] == [("i4", "c1", "c2")]
    assert next(part.name for part in judged.slices) == "c2"
    assert 0 <= told["ece"] <= 1
    assert judged.curves["calibration"]
    means_are_the_numbers(judged)


def test_without_a_temperature_no_calibration_is_told():
    judged = judge_zero_shot(BLANK, classes([0, 1], 2), at(0, 8), at(0, 8))
    assert "ece" not in judged.numbers
    assert not judged.curves


def test_classes_without_an_image_are_counted_and_named():
    judged = judge_zero_shot(BLANK, classes([0, 2], 4), at(0, 12), at(0, 6, 12, 18))
    assert judged.notes == ("2 of 4 classes have no image and count in no mean per class: 'c1', 'c3'",)
    assert values(judged)["mean_per_class"] == 1


def test_each_name_stands_in_each_template():
    classified = ClassSet(("i0",), (nothing,), np.array([1]), (("a", "b"), ("c",)), ("{}", "no {}"))
    texts, counts = class_texts(classified)
    assert texts == ("a", "no a", "b", "no b", "c", "no c")
    assert counts.tolist() == [4, 2]


def test_neighbours_vote_by_their_labels():
    trained = TrainedSet(classes([0, 1, 1, 0, 0, 1], 3, "train"), classes([0, 1, 2, 1], 3))
    judged = judge_knn(BLANK, trained, at(0, 6, 7, 12, 13, 18), at(1, 5, 6, 13))
    told = values(judged)
    assert told["knn_top_1"] == pytest.approx(2 / 4)
    assert told["knn_top_5"] == pytest.approx(3 / 4)  # no training image is of class 2
    assert "knn_top_10" not in told
    assert ("c1", "c0", 1) in judged.confusions
    assert ("c2", "c1", 1) in judged.confusions
    assert judged.notes == ("images of a class that no training image is of, which count as missed: 1",)
    failure = next(f for f in judged.failures if f.asked.image == "i3")
    assert (failure.got, failure.right.text) == (Item("c0", "train4"), "c1")
    means_are_the_numbers(judged)


def test_a_probe_learns_from_the_training_part():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 60).tolist()
    vectors = at(*[6 * label + rng.normal() for label in labels])
    trained = TrainedSet(classes(labels[:40], 2, "train"), classes(labels[40:], 2))
    judged = judge_probe(BLANK, trained, vectors[:40], vectors[40:])
    assert values(judged)["probe_top_1"] > 0.9
    assert judged.curves["probe"]
    means_are_the_numbers(judged)


def test_similarity_is_a_correlation_and_its_hardest_pair_is_told():
    rated = RatedSet(
        ("a", "b", "c", "d"),
        ("i",),
        (nothing,),
        "text",
        np.array([0, 1, 2, 3]),
        "image",
        np.array([0, 0, 0, 0]),
        np.array([5.0, 4.0, 3.0, 4.5]),
    )
    judged = judge_similarity(BLANK, rated, at(0), at(1, 2, 3, 11), metric="spearman")
    assert values(judged)["spearman"] == pytest.approx(0.4)  # ranks 4 3 2 1 beside 4 2 1 3
    assert judged.failures[0].asked.text == "d"
    assert judged.failures[0].got.image == "i"
    assert "rated 4.5" in judged.failures[0].right.text


def test_a_choice_is_right_where_the_right_caption_is_nearest():
    choices = ChoiceSet(
        ("x", "y"),
        names("i", 4),
        (nothing,) * 4,
        names("t", 4),
        np.array([[0, 1], [2, 3]]),
        np.array([[0, 1], [2, 3]]),
        ("easy", "hard"),
    )
    judged = judge_choice(BLANK, choices, at(0, 8, 0, 8), at(1, 9, 8, 0))
    assert values(judged) == {"text_score": 0.5, "image_score": 0.5, "group_score": 0.5}
    assert [part.name for part in judged.slices] == ["hard", "easy"]
    assert [(f.asked.image, f.got.text, f.right.text) for f in judged.failures] == [("i2", "t3", "t2")]
    means_are_the_numbers(judged)
