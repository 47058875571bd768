"""Transfers of a tiny tower to coloured squares: learnt, picked by validation, the same after a kill."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from models.transfer.classifier import Diverged, Tower
from models.transfer.pictures import Images
from models.transfer.recipes import FineGrained, ImageNetFineTuned, ImageNetFrozen
from models.transfer.tasks import Task
from models.transfer.transfer import load_tower, transfer
from models.transfer.vtab import Vtab

COLOURS = ((220, 40, 40), (40, 200, 60), (50, 60, 220))
SWEEP = Vtab(trials=2, runs=2, steps=(2,), batches=(6,), px=16, least_learning_rate=0.02)
QUICK = FineGrained(head_learning_rate=0.3, learning_rate=0.01, steps=6, batch=6, train_px=16, judged_px=16)


def squares(count: int, seed: int, classes: tuple[int, ...] = (0, 1, 2)) -> Images:
    """Noise in the colour of its class."""
    chance = np.random.default_rng(seed)
    labels = np.array([classes[each % len(classes)] for each in range(count)])
    encoded = []
    for label in labels:
        buffer = io.BytesIO()
        pixels = np.clip(chance.normal(COLOURS[label], 30, [20, 20, 3]), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(buffer, "PNG")
        encoded.append(buffer.getvalue())
    return Images([lambda each=each: each for each in encoded], labels)


def task(**parts: Images | None) -> Task:
    made = {"train": squares(24, 1), "test": squares(18, 2), "validation": squares(12, 3)}
    return Task("squares", classes=3, **{**made, **parts})


@pytest.fixture(scope="module")
def tower(tiny_tower) -> Tower:
    return Tower(tiny_tower(), fingerprint="tiny", least_px=16)


class Lines(list):
    """What is told; raises where a line begins the way that it is told to."""

    def __init__(self, stop: str = "never") -> None:
        super().__init__()
        self._stop = stop

    def __call__(self, line: str) -> None:
        self.append(line)
        if self._stop in line:
            raise KeyboardInterrupt


def test_coloured_squares_are_learnt(tower, tmp_path):
    found = transfer(tower, QUICK, task(), tmp_path, Lines())
    assert found.right(1).shape == (3, 18)
    assert found.right(1).mean() > 0.8  # chance is 1/3
    assert found.trial is None
    losses = [json.loads(path.read_text())["loss"] for path in sorted(tmp_path.rglob("run-*.json"))]
    assert len(set(losses)) == 3, "runs by other seeds are other runs"


def test_the_papers_order_of_head_and_all_runs_through(tower, tmp_path):
    settings = {"epochs": 1, "batch": 6, "train_px": 16, "judged_px": 16}
    recipe = ImageNetFineTuned(**settings, head=ImageNetFrozen(**settings))
    found = transfer(tower, recipe, task(train=squares(6, 1), validation=None), tmp_path, Lines())
    assert found.ranked[0].shape == (18, 3)


def test_a_sweep_picks_by_validation_and_trains_on_all(tower, tmp_path):
    # Blue is among the validation images alone: who names it has learnt from them.
    parts = {"train": squares(24, 1, (0, 1)), "validation": squares(24, 3), "test": squares(6, 2, (2,))}
    recipe = Vtab(
        **{
            **vars(SWEEP),
            "trials": 2,
            "runs": 1,
            "steps": (12,),
            "batches": (12,),
            "cuts": ("whole",),
            "least_learning_rate": 0.1,
        }
    )
    found = transfer(tower, recipe, task(**parts), tmp_path, Lines())
    number, trial, share = found.trial
    shares = [json.loads(path.read_text())["right"] for path in sorted(tmp_path.rglob("trial-00?.json"))]
    assert (number, share) == (int(np.argmax(shares)), max(shares))
    assert trial == recipe.trial(number)
    assert max(shares) <= 2 / 3, "no trial has seen blue"
    assert found.right(1).mean() > 0.5, "the run has"


def test_a_killed_sweep_goes_on_where_it_was(tower, tmp_path):
    whole = transfer(tower, SWEEP, task(), tmp_path / "whole", Lines())
    with pytest.raises(KeyboardInterrupt):
        transfer(tower, SWEEP, task(), tmp_path / "killed", Lines(stop="trial 1 of 2"))
    (half_written,) = (tmp_path / "killed").glob("squares-*")
    (half_written / "trial-001.json.partial").write_text("{", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        transfer(tower, SWEEP, task(), tmp_path / "killed", Lines(stop="run 1 of 2"))
    lines = Lines()
    again = transfer(tower, SWEEP, task(), tmp_path / "killed", lines)
    assert [line for line in lines if "trial" in line] == []
    assert [line for line in lines if "is over" in line] == ["squares: run 2 of 2 is over"]
    np.testing.assert_array_equal(again.ranked, whole.ranked)
    assert again.trial == whole.trial


def test_runs_are_done_again_where_a_longer_sweep_picks_another_trial(tower, tmp_path):
    short = Vtab(**{**vars(SWEEP), "trials": 1})
    assert transfer(tower, short, task(), tmp_path, Lines()).trial[0] == 0
    (folder,) = tmp_path.glob("squares-*")
    for number, right in enumerate((0.0, 1.0)):
        (folder / f"trial-00{number}.json").write_text(json.dumps({"trial": {}, "right": right}), encoding="utf-8")
    lines = Lines()
    found = transfer(tower, SWEEP, task(), tmp_path, lines)
    assert found.trial[:2] == (1, SWEEP.trial(1))
    assert [line for line in lines if "is over" in line] == [f"squares: run {run} of 2 is over" for run in (1, 2)]


def test_other_settings_find_nothing_done(tower, tmp_path):
    for recipe in (QUICK, FineGrained(**{**vars(QUICK), "steps": 1, "runs": 1})):
        transfer(tower, recipe, task(), tmp_path, Lines())
    more = FineGrained(**{**vars(QUICK), "steps": 1, "runs": 2})
    lines = Lines()
    transfer(tower, more, task(), tmp_path, lines)
    assert [line for line in lines if "is over" in line] == ["squares: run 2 of 2 is over"]
    assert len(list(tmp_path.glob("squares-*"))) == 2


def test_other_pictures_find_nothing_done(tower, tmp_path):
    once = FineGrained(**{**vars(QUICK), "steps": 1, "runs": 1})
    prints = [
        transfer(tower, once, each, tmp_path, Lines()).fingerprint
        for each in (task(), task(), task(test=squares(18, 5)))
    ]
    assert prints[0] == prints[1] != prints[2]
    assert len(list(tmp_path.glob("squares-*"))) == 2


def test_what_is_scaled_down_or_left_out_is_told(tower, tmp_path):
    seen = squares(4, 1, (0, 1))
    train = Images([*seen.pictures, lambda: b"no picture"], np.append(seen.labels, 0))
    found = transfer(
        tower,
        FineGrained(**{**vars(QUICK), "steps": 1, "runs": 1}),
        task(train=train, validation=None),
        tmp_path,
        Lines(),
    )
    assert found.skipped == {"train: no picture that is read here": 1}
    assert [*found.notices] == [
        "squares has 4 training images, so batches hold 4 in place of 6",
        "squares has no training image of 1 of its 3 classes",
    ]


def test_what_cannot_be_learnt_is_refused(tower, tmp_path):
    with pytest.raises(ValueError, match="squares has no validation images"):
        transfer(tower, SWEEP, task(validation=None), tmp_path, Lines())
    with pytest.raises(ValueError, match="squares has no test image that can be used"):
        transfer(tower, QUICK, task(test=Images([lambda: b""], np.array([0]))), tmp_path, Lines())
    with pytest.raises(ValueError, match="train_px is 8, but this tower divides the side by 16"):
        transfer(tower, FineGrained(**{**vars(QUICK), "train_px": 8}), task(), tmp_path, Lines())
    with pytest.raises(ValueError, match="is no model folder"):
        load_tower(str(tmp_path))
    wild = FineGrained(**{**vars(QUICK), "head_learning_rate": 1e30})
    with pytest.raises(Diverged, match="the loss of run 1 of 3 is"):
        transfer(tower, wild, task(), tmp_path, Lines())
    wild_sweep = Vtab(**{**vars(SWEEP), "trials": 1, "least_learning_rate": 1e29, "greatest_learning_rate": 1e30})
    with pytest.raises(Diverged, match="in all 1 trials the loss became no number; lower greatest_learning_rate"):
        transfer(tower, wild_sweep, task(), tmp_path, Lines())
