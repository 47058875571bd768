"""Published sets of each kind, from files in their layout to a row with every number that the set's entry promises."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from rich.console import Console

import published_classes
import published_sets
from components.evaluator.datasets.published import cxc, imagenet_real, simlex
from components.evaluator.datasets.published.karpathy import read_coco
from components.evaluator.datasets.registry import find
from serving.encoders.opening import encoder_of
from tfx_pipeline.judging.compare import compare
from tfx_pipeline.judging.judge import Task, judge
from tfx_pipeline.judging.report.page import render

SETS = (
    *("mscoco", "multi30k-de", "cxc-retrieval", "cxc-sts", "cxc-sis", "cxc-sits", "simlex999"),
    *("winoground", "sugarcrepe", "aro-relation", "imagenet-real"),
)


class Scattered:
    """Gives each input a direction of its own, the same each time."""

    fingerprint = "scattered"

    def encode_image(self, images):
        seeds = [int.from_bytes(hashlib.sha256(image).digest()[:8], "big") for image in images]
        drawn = np.stack([np.random.default_rng(seed).normal(size=16) for seed in seeds])
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    def encode_text(self, texts):
        return self.encode_image([text.encode() for text in texts])


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for write in ("mscoco", "flickr30k", "cxc", "multi30k", "simlex", "winoground", "sugar_crepe", "aro"):
        getattr(published_sets, write)(root)
    published_classes.imagenet_real(root, [[1, 7], [], [0]])
    of_this_size = {
        "imagenet-real": lambda data: replace(
            imagenet_real.read_real(data), templates=("{}",)
        ),  # 1000 texts, not 80,000
        "cxc-retrieval": lambda data: cxc.read_retrieval(data, "test", published_sets.RATED_ROWS),
        "simlex999": lambda data: simlex.read_simlex(data, 3),
        **{f"cxc-{task}": partial(rated, task=task) for task in ("sts", "sis", "sits")},
    }
    entries = [replace(find(name), **({"read": of_this_size[name]} if name in of_this_size else {})) for name in SETS]
    task = Task(encoder_of(Scattered(), "s"), "s", "small", entries, root, root / "out", root / "embeddings")
    return judge(task, Console(quiet=True)), root / "out"


def rated(data, task):
    return cxc.read_similarity(data, task, "test", published_sets.RATED_ROWS)


def test_each_set_has_the_numbers_that_its_entry_promises(judged):
    results, _ = judged
    assert [row.judged.dataset for row in results.rows] == [*SETS]
    for row in results.rows:
        told = {name for name, number in row.judged.numbers.items() if not math.isnan(number.value)}
        missing = set(find(row.judged.dataset).metrics) - told
        assert all("recall" in name or name in {"sts", "sis", "sits"} for name in missing), row.judged
        assert not missing or row.judged.notes, row.judged.dataset


def test_a_part_of_a_published_set_is_said_to_be_one(judged):
    notes = {row.judged.dataset: row.judged.notes for row in judged[0].rows}
    images = len(read_coco(judged[1].parent, "test").file_names)
    assert f"judged by {images} images where 5000 are published" in notes["mscoco"]
    assert not [note for note in notes["simlex999"] if "published" in note]


def test_images_that_are_of_no_class_are_left_out_and_counted(judged):
    row = next(row.judged for row in judged[0].rows if row.judged.dataset == "imagenet-real")
    assert (row.numbers["top_1"].queries, row.skipped) == (2, {"no_right_class": 1})
    assert row.numbers["top_1"].chance == pytest.approx((2 / 1000 + 1 / 1000) / 2)
    assert "no_right_class" in render(*judged)


def test_what_was_judged_is_shown_and_compares_with_itself(judged):
    results, out = judged
    page = render(results, out)
    assert all(name in page for name in SETS)
    rows = compare(out, out).rows
    assert [row.row.judged.dataset for row in rows] == [*SETS]
    assert all((row.won, row.lost, row.left_out) == (0, 0, 0) for row in rows)
