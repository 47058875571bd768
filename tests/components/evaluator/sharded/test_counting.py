"""Shard by shard a gallery gives the numbers that it gives as a whole, to the last digit; slices those of an oracle.

Embeddings are of few and coarse directions, so that ties are everywhere, also across shards.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from components.evaluator.metrics.classes.zero_shot import zero_shot_metrics
from components.evaluator.metrics.ranked import RECALL_AT
from components.evaluator.metrics.ranking import grid_similarity, hit_probability
from components.evaluator.metrics.retrieval import retrieval_metrics
from components.evaluator.sharded.counting import Count, count_classes, count_pair, make_shard
from components.evaluator.sharded.one_shard import slice_numbers
from components.evaluator.sharded.sums import Facts, Known, Tally, facts_of, numbers_of, tally_shard

KINDS = ("language", "source", "class")


class Gallery:
    """Images with 1 to 3 captions of three languages, of four classes of which one has no image, from two sources."""

    def __init__(self, seed: int, images: int = 23, dimensions: int = 3) -> None:
        chance = np.random.default_rng(seed)
        self.counts = chance.integers(1, 4, images)
        self.images = coarse(chance, images, dimensions)
        self.captions = coarse(chance, int(self.counts.sum()), dimensions)
        self.languages = chance.choice(["de", "en", "zh"], len(self.captions), p=[0.2, 0.7, 0.1]).tolist()
        self.labels = chance.choice(["", "a", "b", "c"], images).tolist()
        self.sources = chance.choice(["x.org", "0.tar"], images).tolist()
        self.classes = dict(zip("abcd", coarse(chance, 4, dimensions), strict=True))

    def parts(self, sizes: list[int]) -> list[tuple]:
        """Returns the gallery cut into shards of so many images."""
        cuts = [0, *itertools.accumulate(sizes)]
        first = np.concatenate([[0], np.cumsum(self.counts)])
        made = []
        for start, stop in itertools.pairwise(cuts):
            texts = slice(first[start], first[stop])
            shard = make_shard(
                self.images[start:stop], self.captions[texts], self.counts[start:stop], self.languages[texts]
            )
            made.append((*shard, Known(self.labels[start:stop], self.sources[start:stop])))
        return made


def coarse(chance: np.random.Generator, rows: int, dimensions: int) -> np.ndarray:
    vectors = chance.integers(-1, 2, (rows, dimensions)).astype(np.float32)
    vectors[~vectors.any(axis=1), 0] = 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def judged(gallery: Gallery, sizes: list[int]) -> dict[str, float]:
    shards = gallery.parts(sizes)
    facts = Facts()
    for images, captions, known in shards:
        facts.add(facts_of(images, captions, known, KINDS))
    asked, found = [[None] * len(shards) for _ in range(2)]
    for (a, (images, *_)), (b, (_, captions, _)) in itertools.product(enumerate(shards), repeat=2):
        here, there = count_pair(images, captions)
        asked[a] = here if asked[a] is None else asked[a] + here
        found[b] = there if found[b] is None else found[b] + there
    tally, labels = Tally(), sorted(gallery.classes)
    texts = np.stack([gallery.classes[label] for label in labels])
    for (images, captions, known), *counts in zip(shards, asked, found, strict=True):
        classes = count_classes(images.embedding, known.labels, labels, texts, images_per_chunk=2)
        tally.add(tally_shard(images, captions, known, tuple(counts), classes, facts.slices))
    return numbers_of(facts, tally, len(labels), finite_classes=bool(np.isfinite(texts).all()))


def whole(gallery: Gallery) -> dict[str, float]:
    retrieval = retrieval_metrics(gallery.images, gallery.captions, gallery.counts)
    return retrieval | zero_shot_metrics(gallery.images, gallery.labels, gallery.classes)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sizes", [[23], [7, 16], [1, 10, 5, 7]])
def test_shards_give_the_numbers_of_the_whole_to_the_last_digit(seed, sizes):
    gallery = Gallery(seed)
    expected = whole(gallery)
    found = judged(gallery, sizes)
    np.testing.assert_equal({name: found[name] for name in expected}, expected)
    assert all("=" in name for name in found.keys() - expected.keys())


@pytest.mark.parametrize("seed", range(3))
def test_a_shard_whose_images_have_no_caption_stands_in_the_gallery(seed):
    gallery = Gallery(seed)
    owner = np.repeat(np.arange(23), gallery.counts)
    kept = (owner < 1) | (owner > 10)
    gallery.captions, gallery.languages = gallery.captions[kept], [*itertools.compress(gallery.languages, kept)]
    gallery.counts[1:11] = 0
    expected = whole(gallery)
    found = judged(gallery, [1, 10, 12])
    np.testing.assert_equal({name: found[name] for name in expected}, expected)


def test_all_embeddings_alike_get_what_guessing_gets():
    gallery = Gallery(0)
    gallery.images[:] = gallery.captions[:] = [1, 0, 0]
    found = judged(gallery, [7, 16])
    for name in (f"{way}_recall_at_{k}" for way in ("i2t", "t2i") for k in RECALL_AT):
        assert found[name] == pytest.approx(found[f"chance_{name}"], abs=1e-12)
    assert found["language=de/t2i_recall_at_5"] == pytest.approx(5 / 23)


@pytest.mark.parametrize(
    ("broken", "gone"),
    [("images", {"recall", "zero"}), ("captions", {"recall"}), ("classes", {"zero"})],
)
def test_an_embedding_that_is_not_finite_leaves_no_number_that_it_could_have_changed(broken, gone):
    gallery = Gallery(1)
    if broken == "classes":
        gallery.classes["d"][0] = np.nan
    else:
        of = getattr(gallery, broken)
        of[gallery.labels.index("a"), 0] = np.nan
    found = judged(gallery, [7, 16])
    expected = whole(gallery)
    np.testing.assert_equal({name: found[name] for name in expected}, expected)
    absent = {name.rpartition("/")[2] for name, value in found.items() if math.isnan(value)}
    assert ("i2t_recall_at_1" in absent) == ("recall" in gone)
    assert ("zero_shot_top_1" in absent) == ("zero" in gone)


def test_without_labels_there_is_no_class_to_tell():
    gallery = Gallery(2)
    gallery.labels = [""] * 23
    found = judged(gallery, [23])
    np.testing.assert_equal({name: found[name] for name in whole(gallery)}, whole(gallery))
    assert not any(name.startswith("class=") for name in found)


def slow_slices(gallery: Gallery) -> dict[str, float]:
    """Each slice by its definition, one asking after the other."""
    owner = np.repeat(np.arange(len(gallery.images)), gallery.counts)
    scores = grid_similarity(gallery.images, gallery.captions)
    texts = grid_similarity(gallery.images, np.stack([gallery.classes[label] for label in "abcd"]))
    languages = np.array(gallery.languages)

    def hit(row, right, k):
        best = row[right].max()
        return float(hit_probability(np.sum(row > best), np.sum(row == best), np.sum(row[right] == best), k))

    slices = [("language", name, languages == name, None) for name in sorted(set(gallery.languages))]
    for kind, of in (("source", gallery.sources), ("class", gallery.labels)):
        slices += [(kind, name, None, np.array(of) == name) for name in sorted(set(of)) if name]
    expected = {}
    for kind, name, texts_of, images_of in slices:
        searched = np.ones(len(owner), bool) if texts_of is None else texts_of
        asking = [
            image
            for image in range(len(gallery.images))
            if (images_of is None or images_of[image]) and np.any(searched & (owner == image))
        ]
        asked = [text for text in np.flatnonzero(searched) if images_of is None or images_of[owner[text]]]
        prefix = f"{kind}={name}/"
        expected |= {f"{prefix}num_images": len(asking), f"{prefix}num_captions": len(asked)}
        for k in RECALL_AT:
            i2t = [hit(scores[image, searched], owner[searched] == image, k) for image in asking]
            t2i = [hit(scores[:, text], np.arange(len(gallery.images)) == owner[text], k) for text in asked]
            expected |= {f"{prefix}i2t_recall_at_{k}": np.mean(i2t), f"{prefix}t2i_recall_at_{k}": np.mean(t2i)}
        if images_of is not None:
            named = [image for image in asking if gallery.labels[image]]
            top = [hit(texts[image], np.array(list("abcd")) == gallery.labels[image], 1) for image in named]
            expected |= {f"{prefix}zero_shot_top_1": np.mean(top), f"{prefix}zero_shot_top_5": math.nan}
    return expected


@pytest.mark.parametrize("seed", range(3))
def test_slices_are_those_of_the_slow_oracle_in_shards_and_in_one(seed):
    gallery = Gallery(seed)
    expected = slow_slices(gallery)
    found = {name: value for name, value in judged(gallery, [1, 10, 5, 7]).items() if "=" in name}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12, nan_ok=True), name
    known = Known(gallery.labels, gallery.sources)
    at_once = slice_numbers(
        gallery.images, gallery.captions, gallery.counts, gallery.languages, known, gallery.classes, KINDS
    )
    np.testing.assert_equal(at_once, found)


def test_counts_add_up():
    total = Count(np.array([1, 2]), np.array([0, 1])) + Count(np.array([3, 0]), np.array([1, 1]))
    assert (total.above.tolist(), total.level.tolist()) == ([4, 2], [1, 2])
