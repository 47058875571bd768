"""Retrieval metrics: galleries to check by hand, a slow oracle, and the two ends of the scale."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.evaluator.metrics.ranked import RECALL_AT
from components.evaluator.metrics.retrieval import (
    mean_recall_values,
    own_pairs,
    precision_across,
    rank_across,
    retrieval_metrics,
)

NONE = np.zeros((0, 2), int)


def unit(rows) -> np.ndarray:
    array = np.asarray(rows, np.float32)
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def random_gallery(seed: int, counts: list[int], dim: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return unit(rng.normal(size=(len(counts), dim))), unit(rng.normal(size=(sum(counts), dim))), np.array(counts)


def naive_recalls(images, captions, counts) -> dict[str, float]:
    """Sort each whole row and column, then look; wants distinct similarities."""
    owner = [image for image, count in enumerate(counts) for _ in range(count)]
    recalls = {}
    for k in RECALL_AT:
        asked = found = 0
        for image, count in enumerate(counts):
            order = sorted(range(len(captions)), key=lambda c: -float(images[image] @ captions[c]))
            asked += count > 0
            found += any(owner[c] == image for c in order[:k])
        recalls[f"i2t_recall_at_{k}"] = found / asked
        found = 0
        for caption in range(len(captions)):
            order = sorted(range(len(images)), key=lambda i: -float(images[i] @ captions[caption]))
            found += owner[caption] in order[:k]
        recalls[f"t2i_recall_at_{k}"] = found / len(captions)
    return recalls


def test_a_gallery_to_check_by_hand():
    # Angles in degrees. Image 0 at 0 with captions at 10 and 80; image 1 at 90 with one caption at 30.
    def at(*degrees):
        return np.array([[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees], np.float32)

    metrics = retrieval_metrics(at(0, 90), at(10, 80, 30), np.array([2, 1]))
    assert metrics["i2t_recall_at_1"] == 0.5  # image 0 finds its 10; image 1 finds 80, which belongs to image 0
    assert metrics["i2t_recall_at_5"] == 1.0
    assert metrics["t2i_recall_at_1"] == pytest.approx(1 / 3)  # 10 -> image 0, right; 80 -> 1 and 30 -> 0, wrong
    assert metrics["t2i_recall_at_5"] == 1.0
    assert (metrics["num_images"], metrics["num_captions"]) == (2, 3)
    assert metrics["chance_i2t_recall_at_1"] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert metrics["chance_t2i_recall_at_1"] == 0.5


@pytest.mark.parametrize("rows_per_tile", [1, 3, 7, 16, 100])
@pytest.mark.parametrize(
    "counts", [[1] * 16, [3, 1, 2, 5, 1, 1, 4, 2, 1, 3, 1], [2, 0, 3, 1, 0, 6, 1, 1, 1, 1, 1, 1, 2]]
)
def test_chunked_equals_naive(counts, rows_per_tile):
    images, captions, count = random_gallery(1, counts)
    metrics = retrieval_metrics(images, captions, count, rows_per_tile=rows_per_tile)
    expected = naive_recalls(images, captions, counts)
    assert {name: metrics[name] for name in expected} == pytest.approx(expected)


def test_a_perfect_model_scores_one():
    counts = np.array([1, 2, 5, 1])
    images = np.eye(4, dtype=np.float32)
    metrics = retrieval_metrics(images, np.repeat(images, counts, axis=0), counts)
    assert all(metrics[f"{way}_recall_at_{k}"] == 1 for way, k in itertools.product(("i2t", "t2i"), RECALL_AT))


def test_a_collapsed_model_scores_exactly_chance():
    counts = np.array([1, 2, 5, 1] * 10)
    same = unit(np.random.default_rng(3).normal(size=640))
    noise = np.random.default_rng(4).normal(size=(130, 640)).astype(np.float32) * 1e-9  # below the comparison's grid
    metrics = retrieval_metrics(np.tile(same, (40, 1)) + noise[:40], np.tile(same, (90, 1)) + noise[40:], counts)
    for way, k in itertools.product(("i2t", "t2i"), RECALL_AT):
        assert metrics[f"{way}_recall_at_{k}"] == pytest.approx(metrics[f"chance_{way}_recall_at_{k}"], rel=1e-9)
    assert metrics["chance_t2i_recall_at_10"] == 0.25


def test_a_random_model_scores_about_chance():
    metrics = [retrieval_metrics(*random_gallery(seed, [1, 2, 3] * 20, dim=64)) for seed in range(20)]
    for way, k in itertools.product(("i2t", "t2i"), RECALL_AT):
        scores = [m[f"{way}_recall_at_{k}"] for m in metrics]
        error = np.std(scores) / math.sqrt(len(scores))
        assert np.mean(scores) == pytest.approx(metrics[0][f"chance_{way}_recall_at_{k}"], abs=4 * error)


def test_chance_of_an_image_is_that_of_drawing_k_captions():
    metrics = retrieval_metrics(*random_gallery(0, [2, 4]))
    draws = list(itertools.combinations([0, 0, 1, 1, 1, 1], 5))
    expected = sum(0 in draw for draw in draws) / len(draws) / 2 + sum(1 in draw for draw in draws) / len(draws) / 2
    assert metrics["chance_i2t_recall_at_5"] == pytest.approx(expected)
    assert metrics["chance_i2t_recall_at_10"] == 1.0  # fewer captions than places


def test_one_caption_shared_by_two_images_counts_half_for_each():
    images = np.eye(3, dtype=np.float32)
    metrics = retrieval_metrics(images, images[[0, 0, 2]], np.array([1, 1, 1]))
    assert metrics["i2t_recall_at_1"] == pytest.approx((0.5 + 1 / 3 + 1) / 3)  # image 1 sees three captions at 0
    assert metrics["t2i_recall_at_1"] == pytest.approx((1 + 0 + 1) / 3)


def test_images_in_any_order_give_the_same_numbers_to_the_last_bit():
    counts = [1, 2, 3, 1, 4, 2, 1]
    images, captions, count = random_gallery(5, counts)
    blocks = np.split(captions, np.cumsum(counts)[:-1])
    order = [4, 1, 6, 0, 3, 2, 5]
    shuffled = retrieval_metrics(images[order], np.concatenate([blocks[i] for i in order]), count[order])
    assert shuffled == retrieval_metrics(images, captions, count)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_embeddings_that_are_not_finite_have_no_ranks(broken):
    images, captions, count = random_gallery(0, [1, 1, 1])
    captions[1, 2] = broken
    metrics = retrieval_metrics(images, captions, count)
    assert math.isnan(metrics["i2t_recall_at_1"])
    assert math.isnan(metrics["t2i_recall_at_10"])
    assert metrics["num_captions"] == 3


def test_a_gallery_without_captions_has_no_recall():
    images, captions, count = random_gallery(0, [0, 0])
    metrics = retrieval_metrics(images, captions, count)
    assert math.isnan(metrics["i2t_recall_at_1"])
    assert math.isnan(metrics["chance_i2t_recall_at_1"])
    assert metrics["num_images"] == 2


def test_counts_that_do_not_add_up_are_refused():
    images, captions, _ = random_gallery(0, [1, 2])
    with pytest.raises(ValueError, match=r"caption_count has 2 counts that add up to 4 for 2 images and 3 captions"):
        retrieval_metrics(images, captions, np.array([2, 2]))


def test_vectors_that_are_not_normalised_are_refused():
    images, captions, count = random_gallery(0, [1, 2])
    with pytest.raises(ValueError, match=r"row 0 of caption_embedding has the length 2; divide each row"):
        retrieval_metrics(images, captions * 2, count)
    with pytest.raises(ValueError, match=r"row 0 of image_embedding holds NaN"):
        rank_across(images * np.nan, captions, own_pairs(count, 2, 3), NONE)
    with pytest.raises(ValueError, match="image_embedding has 7 numbers a row and caption_embedding 8"):
        rank_across(unit(images[:, :7]), captions, own_pairs(count, 2, 3), NONE)


def test_a_gallery_in_which_nothing_asks_is_refused():
    images, captions, _ = random_gallery(0, [1, 2])
    with pytest.raises(ValueError, match="no query has a right answer among 2 images and 3 captions"):
        rank_across(images, captions, NONE, NONE)


def slow_order(asking, answering, query) -> list[int]:
    similarity = (answering.astype(np.float64) @ asking[query].astype(np.float64)).astype(np.float32)
    return sorted(range(len(answering)), key=lambda row: (-similarity[row], row))


@settings(max_examples=50)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 5), st.integers(0, 10**6))
def test_any_right_answers_equal_sorting_each_gallery(images, captions, rows_per_tile, seed):
    rng = np.random.default_rng(seed)
    angles = np.radians(rng.integers(0, 9, images + captions) * 10)  # many equals
    rows = unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    tables = {"i2t": (rows[:images], rows[images:]), "t2i": (rows[images:], rows[:images])}
    pairs = rng.integers(0, (images, captions), (rng.integers(1, 12), 2))
    given_to = {"ties": "index", "rows_per_tile": rows_per_tile}
    ranked = rank_across(*tables["i2t"], pairs, pairs[:, ::-1], **given_to)
    precision = precision_across(*tables["i2t"], pairs, pairs[:, ::-1], **given_to)
    for way, step in (("i2t", 1), ("t2i", -1)):
        right = {tuple(pair) for pair in pairs[:, ::step].tolist()}
        asked = sorted({query for query, _ in right})
        assert ranked[way].asked.tolist() == asked
        assert ranked[way].without_answer == len(tables[way][0]) - len(asked)
        for place, query in enumerate(asked):
            found = [(query, row) in right for row in slow_order(*tables[way], query)]
            assert ranked[way].ranks()[place] == found.index(True) + 1
            assert [ranked[way].hits(k)[place] for k in (1, 2, 5)] == [any(found[:k]) for k in (1, 2, 5)]
            answers = sum(found)
            expected = sum(sum(found[:r]) / r for r in range(1, answers + 1) if found[r - 1]) / answers
            assert precision[f"{way}_map_at_r"][place] == pytest.approx(expected)


@settings(max_examples=20)
@given(st.integers(2, 4), st.integers(0, 10**6))
def test_expected_ties_are_the_mean_over_all_orders_of_the_gallery(captions, seed):
    rng = np.random.default_rng(seed)
    angles = np.radians(rng.integers(0, 3, captions) * 20)
    image, rows = np.array([[1, 0]], np.float32), unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))
    right = np.flatnonzero(rng.random(captions) < 0.5)
    right = right if len(right) else np.array([0])
    pairs = np.stack([np.zeros_like(right), right], axis=1)

    def numbers(table, listed, ties):
        ranked = rank_across(image, table, listed, NONE, ties=ties)["i2t"]
        precision = precision_across(image, table, listed, NONE, ties=ties)["i2t_map_at_r"]
        return [*(ranked.hits(k)[0] for k in (1, 2, 3)), ranked.ranks()[0], precision[0]]

    orders = []
    for order in itertools.permutations(range(captions)):
        place = np.argsort(order)  # where each caption goes
        listed = np.stack([pairs[:, 0], place[pairs[:, 1]]], axis=1)
        orders.append(numbers(rows[list(order)], listed, "index"))
    assert numbers(rows, pairs, "expected") == pytest.approx(np.mean(orders, axis=0).tolist())


def test_one_way_alone_may_ask():
    images, captions, count = random_gallery(0, [1, 2])
    ranked = rank_across(images, captions, own_pairs(count, 2, 3), NONE)
    assert ranked.keys() == {"i2t"}
    assert precision_across(images, captions, NONE, own_pairs(count, 2, 3)[:, ::-1]).keys() == {"t2i_map_at_r"}


def test_a_recall_that_any_model_reaches_is_left_out():
    images, captions, count = random_gallery(0, [1] * 5)
    own = own_pairs(count, 5, 5)
    ranked = rank_across(images, captions, own, own)
    assert ranked["i2t"].values("i2t").keys() == {"i2t_recall_at_1", "i2t_median_rank"}
    assert ranked["i2t"].chances(5).tolist() == [1] * 5


def test_values_average_to_the_metrics():
    images, captions, count = random_gallery(6, [2, 0, 3, 1, 1, 1, 4, 1, 1, 1])
    own = own_pairs(count, 10, 15)
    ranked = rank_across(images, captions, own, own[:, ::-1])
    metrics = retrieval_metrics(images, captions, count)
    for way, of in ranked.items():
        for k in RECALL_AT:
            assert of.hits(k).mean() == pytest.approx(metrics[f"{way}_recall_at_{k}"])
            assert of.chances(k).mean() == pytest.approx(metrics[f"chance_{way}_recall_at_{k}"])
    each = mean_recall_values(ranked["i2t"], ranked["t2i"], own[:, 0], 10)
    assert len(each) == 9
    expected = [metrics[f"{way}_recall_at_{k}"] for way in ("i2t", "t2i") for k in RECALL_AT]
    assert each.mean() == pytest.approx(np.mean(expected))


def test_a_model_that_cannot_tell_anything_apart_gets_the_gallerys_order_by_index():
    images, captions = np.tile(unit([1, 2]), (4, 1)), np.tile(unit([1, 2]), (8, 1))
    metrics = retrieval_metrics(images, captions, np.array([2] * 4), ties="index")
    assert metrics["i2t_recall_at_1"] == 0.25  # caption 0 is always first, and of image 0
    assert metrics["i2t_recall_at_5"] == 0.75
    assert metrics["t2i_recall_at_1"] == 0.25
