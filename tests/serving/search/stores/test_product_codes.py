"""Product codes score as a slow decoding of them does, find the neighbours, and take whatever vectors come."""

from __future__ import annotations

import math

import faiss
import numpy as np
import pytest

from serving.search.stores.segments.codes import Codes, Sizes, build_codes
from serving.search.stores.segments.product_codes import ProductCoder

SMALL = Sizes(exact_below=1, bytes_below=1)
ALL = 1000  # lists


def topical(rows, dimension, seed=0):
    """Unit vectors [n, D] float32 around 40 topics, in a spectrum that falls."""
    spectrum = np.arange(1, dimension + 1) ** -0.5
    topics = np.random.default_rng(99).normal(size=(40, dimension))
    generator = np.random.default_rng(seed)
    noise = 0.6 * generator.normal(size=(rows, dimension))
    vectors = (topics[generator.integers(0, 40, rows)] + noise) * spectrum
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def blocks(vectors, size):
    return (vectors[start : start + size] for start in range(0, len(vectors), size))


def words_of(coder, codes):
    """Returns the words of codes [n, B], two parts a byte, [n, T]."""
    parts = np.stack([codes & 15, codes >> 4], axis=2).reshape(len(codes), -1)
    return coder.words[np.arange(parts.shape[1]), parts].reshape(len(codes), -1)


def decoded(coder, vectors, queries):
    """Returns q . y + e . (c + r / 2), [Q, n], and for each query how far FAISS may be from it, [Q].

    FAISS rounds all tables of a query, and what it adds for a list, to whole steps of one size.
    """
    lists, codes, guesses = coder.coded(vectors)
    near = coder.centroids[lists] + words_of(coder, codes)
    turned = queries @ coder.turn.T
    bias = turned @ coder.centroids.T
    tables = np.einsum("qmp,mwp->qmw", turned.reshape(len(queries), len(coder.words), -1), coder.words)
    spans = np.ptp(tables, axis=2)  # [Q, T / P]
    digits = coder.step * np.array([15, 240])
    widest = np.maximum(spans.max(axis=1), digits[1])
    step = np.maximum(widest / 255, (spans.sum(axis=1) + digits.sum() + np.ptp(bias, axis=1)) / 65535)
    within = coder.least <= guesses.min() and guesses.max() <= coder.least + 255 * coder.step
    clipped = 0 if within else max(coder.least - guesses.min(), guesses.max() - coder.least - 255 * coder.step)
    return turned @ near.T + guesses, (spans.shape[1] + 3) * step / 2 + coder.step / 2 + clipped + 1e-5


@pytest.mark.parametrize(("dimension", "lists"), [(64, 5), (100, 3), (13, 4), (3, 1), (300, 4)])
def test_faiss_scores_as_decoding_does(tmp_path, dimension, lists):
    vectors, queries = topical(777, dimension), topical(9, dimension, seed=1)
    vectors[500:520] = vectors[3]  # duplicates
    coder = ProductCoder.train(vectors[::2].copy(), lists, seed=0)
    np.testing.assert_allclose(coder.turn.T @ coder.turn, np.eye(dimension), atol=1e-5)
    coder.write(tmp_path / "codes", blocks(vectors, 100))
    index = faiss.read_index(str(tmp_path / "codes"))
    faiss.extract_index_ivf(index).nprobe = lists
    scores, rows = index.search(queries, 777)
    slow, apart = decoded(coder, vectors, queries)
    for line, found, right, far in zip(scores, rows, slow, apart, strict=True):
        assert sorted(found) == list(range(777))
        assert np.abs(line - right[found]).max() <= far
    assert np.corrcoef(slow.ravel(), (queries @ vectors.T).ravel())[0, 1] > 0.9


def test_the_last_byte_says_which_of_the_near_ones_are_nearest():
    vectors, queries = topical(8000, 64), topical(100, 64, seed=1)
    coder = ProductCoder.train(vectors, 8, seed=0)
    lists, codes, guesses = coder.coded(vectors)
    plain = (queries @ coder.turn.T) @ (coder.centroids[lists] + words_of(coder, codes)).T
    exact = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]

    def missed(scores):
        near = np.argsort(-scores, axis=1)[:, :20]
        return 10 - np.mean([len(np.intersect1d(*lines)) for lines in zip(near, exact, strict=True)])

    assert missed(plain + guesses) < 0.7 * missed(plain)


@pytest.mark.parametrize("dimension", [100, 300])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_they_find_the_neighbours_that_count(tmp_path, share, dimension):
    vectors, queries = topical(20_000, dimension).astype(np.float16), topical(100, dimension, seed=1)
    build_codes(tmp_path / "codes", vectors, SMALL)
    allowed = None if share == 1 else np.random.default_rng(5).random(20_000) < share
    wide = SMALL.wide(10, dimension)
    rows, products = Codes.read(tmp_path / "codes", vectors).search(queries, wide, allowed, SMALL.probes)
    scores = queries @ vectors.astype(np.float32).T
    np.testing.assert_allclose(products, np.take_along_axis(scores, rows, 1), atol=1e-4)
    if allowed is not None:
        assert allowed[rows].all()
        scores[:, ~allowed] = -2
    exact = np.argsort(-scores, axis=1)[:, :10]
    assert np.mean([len(np.intersect1d(*lines)) for lines in zip(rows[:, :10], exact, strict=True)]) > 9.6


@pytest.mark.parametrize("count", [15, 33])
def test_few_vectors_are_all_found(tmp_path, count):
    vectors = topical(count, 24).astype(np.float16)
    build_codes(tmp_path / "codes", vectors, SMALL)
    rows, _ = Codes.read(tmp_path / "codes", vectors).search(topical(2, 24, seed=1), count, None, ALL)
    assert [sorted(line) for line in rows.tolist()] == [list(range(count))] * 2


def test_one_picture_many_times_is_no_fault(tmp_path):
    vectors = np.repeat(topical(1, 40), 3000, axis=0).astype(np.float16)
    build_codes(tmp_path / "codes", vectors, SMALL)
    rows, products = Codes.read(tmp_path / "codes", vectors).search(topical(1, 40, seed=1), 50, None, ALL)
    assert len(set(rows[0].tolist())) == 50
    assert math.isclose(products[0, 0], products[0, -1])


def test_a_seed_says_every_byte(tmp_path):
    vectors = topical(3000, 40).astype(np.float16)
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        build_codes(tmp_path / name, vectors, SMALL, seed)
    held = [(tmp_path / name).read_bytes() for name in "abc"]
    assert held[0] == held[1]
    assert held[0] != held[2]


def test_an_index_of_rabitq_codes_is_still_searched(tmp_path):
    vectors, queries = topical(4000, 64).astype(np.float16), topical(20, 64, seed=1)
    old = faiss.index_factory(64, "RR64,IVF5,RaBitQfs", faiss.METRIC_INNER_PRODUCT)
    old.train(vectors.astype(np.float32))
    old.add(vectors.astype(np.float32))
    faiss.write_index(old, str(tmp_path / "codes"))
    allowed = np.arange(4000) % 3 > 0
    rows, _ = Codes.read(tmp_path / "codes", vectors).search(queries, 200, allowed, ALL)
    scores = np.where(allowed, queries @ vectors.astype(np.float32).T, -2)
    exact = np.argsort(-scores, axis=1)[:, :10]
    assert allowed[rows].all()
    assert np.mean([len(np.intersect1d(*lines)) for lines in zip(rows[:, :10], exact, strict=True)]) > 9.6
