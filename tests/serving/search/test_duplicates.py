"""Duplicates stand behind the best of them, by bytes, by look and by embedding; and whatever comes later moves none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from serving.search.duplicates import COSINE, NEVER, PHASH_BITS, Groups, telling_cosine
from serving.search.shards.schema import conform, vector_column
from serving.search.stores.exact import ExactSnapshot

UNIT = np.eye(8, dtype=np.float32)
SEVEN = (1 << (PHASH_BITS + 1)) - 1  # as many bits as are too many


def rows(sha256, phash):
    return pa.table({"sha256": pa.array(sha256, pa.string()), "phash": pa.array(phash, pa.uint64())})


def grouped(sha256, phash, vectors):
    groups = Groups(vectors.shape[1])
    groups.take(rows(sha256, phash), vectors)
    return [[leader, *members] for leader, members in zip(groups.leaders, groups.members, strict=True)]


@pytest.mark.parametrize(
    ("sha256", "phash", "vectors", "groups"),
    [
        (["a", "b", "a", None], [None] * 4, UNIT[:4], [[0, 2], [1], [3]]),
        ([None] * 3, [2**63, 2**63 | SEVEN >> 1, 2**63 | SEVEN], UNIT[:3], [[0, 1], [2]]),
        ([None] * 3, [None] * 3, np.stack([UNIT[0], UNIT[1], UNIT[0] + 0.36 * UNIT[2]]), [[0, 2], [1]]),
        ([None] * 2, [None] * 2, np.stack([UNIT[0], UNIT[0] + 0.37 * UNIT[2]]), [[0], [1]]),
        (["a", "b", "b"], [None, 5, 5], np.stack([UNIT[0], UNIT[1], UNIT[0]]), [[0, 2], [1]]),  # the better leader
        ([None] * 3, [None] * 3, UNIT[:3], [[0], [1], [2]]),
    ],
)
def test_groups_by_hand(sha256, phash, vectors, groups):
    assert pytest.approx(0.94) == COSINE
    assert grouped(sha256, phash, vectors) == groups


def test_images_that_come_in_parts_are_grouped_as_at_once():
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(9, 8))
    vectors = centres[generator.integers(9, size=60)] + 0.5 * generator.normal(size=(60, 8))
    sha256 = [f"{number}" for number in generator.integers(40, size=60)]
    looks = generator.integers(2**63, size=30, dtype=np.uint64)
    phash = (looks[generator.integers(30, size=60)] ^ generator.integers(16, size=60, dtype=np.uint64)).tolist()
    at_once = grouped(sha256, phash, vectors)
    assert 3 < len(at_once) < 55
    parts = Groups(8)
    for start, stop in ((0, 1), (1, 25), (25, 25), (25, 60)):
        parts.take(rows(sha256[start:stop], phash[start:stop]), vectors[start:stop])
    assert [[leader, *members] for leader, members in zip(parts.leaders, parts.members, strict=True)] == at_once


@pytest.mark.parametrize(("spread", "near"), [(1.0, COSINE), (0.01, NEVER)])
def test_a_cosine_that_all_images_have_tells_nothing(tmp_path, spread, near):
    """As of a model that was trained for a moment: it embeds every image nearly alike."""
    generator = np.random.default_rng(0)
    vectors = np.eye(1, 16) + spread * generator.normal(size=(200, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"{number:03}" for number in range(200)]
    table = conform(pa.table({"id": ids, "vector": vector_column(vectors)}), 16)
    assert telling_cosine(ExactSnapshot(table), 16) == near
