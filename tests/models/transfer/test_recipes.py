"""The recipes' numbers, as the paper states them, and what a sweep draws."""

from __future__ import annotations

import pytest

from components.config_fields import build_fields
from models.transfer.choice import RECIPES
from models.transfer.recipes import FineGrained, ImageNetFineTuned, ImageNetFrozen
from models.transfer.schedules import Cosine, StepDecay
from models.transfer.vtab import Vtab

IMAGENET = 1_281_167
PER_EPOCH = 1251  # of batches of 1024


@pytest.mark.parametrize(
    ("epoch", "rate"), [(0, 0.1), (29, 0.1), (30, 0.02), (59, 0.02), (60, 0.004), (90, 0.0008), (99, 0.0008)]
)
def test_the_rate_falls_to_a_fifth_every_thirty_epochs(epoch, rate):
    (frozen,) = ImageNetFrozen().phases(IMAGENET)
    assert frozen.schedule(epoch * PER_EPOCH) == pytest.approx(rate, rel=1e-12)
    assert frozen.schedule((epoch + 1) * PER_EPOCH - 1) == pytest.approx(rate, rel=1e-12)
    _, tuned = ImageNetFineTuned().phases(IMAGENET)
    assert tuned.schedule(epoch * PER_EPOCH) == pytest.approx(rate / 10, rel=1e-12)


def test_imagenet_frozen_is_the_papers():
    (phase,) = ImageNetFrozen().phases(IMAGENET)
    assert (phase.trains, phase.batch, phase.steps, phase.train_px) == ("head", 1024, 100 * PER_EPOCH, 289)
    assert (phase.cut, phase.weight_decay) == ("inception", 0.0)
    recipe = ImageNetFrozen()
    assert (recipe.momentum, recipe.judged_px, recipe.judged_share) == (0.9, 360, 0.875)


def test_imagenet_fine_tuned_trains_the_head_and_then_all():
    head, tuned = ImageNetFineTuned().phases(IMAGENET)
    assert (head,) == ImageNetFrozen().phases(IMAGENET)
    assert (tuned.trains, tuned.statistics, tuned.backbone_share, tuned.train_px) == ("all", "batch", 0.1, 475)
    assert ImageNetFineTuned().judged_px == 600


def test_fine_grained_is_the_papers():
    head, tuned = FineGrained().phases(2040)
    assert (head.trains, head.schedule(0), tuned.trains, tuned.schedule(0)) == ("head", 1e-2, "all", 1e-3)
    assert tuned.statistics == "frozen"
    for phase in (head, tuned):
        assert (phase.batch, phase.steps, phase.weight_decay, phase.train_px) == (256, 20_000, 1e-5, 289)
        assert phase.schedule(10_000) == pytest.approx(phase.schedule(0) / 2)
    assert (FineGrained().runs, FineGrained().judged_px) == (3, 360)


def test_vtab_is_its_protocol():
    recipe = Vtab()
    assert (recipe.trials, recipe.runs) == (50, 3)
    trials = [recipe.trial(number) for number in range(recipe.trials)]
    assert len({trial.learning_rate for trial in trials}) == 50
    assert all(1e-3 <= trial.learning_rate <= 1e-1 for trial in trials)
    assert 15 < sum(trial.learning_rate < 1e-2 for trial in trials) < 35  # half of the logarithmic scale
    for name in ("steps", "batches", "weight_decays", "cuts"):
        field = {"steps": "steps", "batches": "batch", "weight_decays": "weight_decay", "cuts": "cut"}[name]
        assert {getattr(trial, field) for trial in trials} == set(getattr(recipe, name))
    assert Vtab(seed=1).trial(0) != recipe.trial(0)


def test_a_trials_rate_rises_and_falls_where_the_published_code_has_it():
    recipe = Vtab(least_learning_rate=0.01, greatest_learning_rate=0.01, steps=(1000,), batches=(64,))
    (phase,) = recipe.phases(800, recipe.trial(0))
    assert (phase.batch, phase.steps, phase.train_px, phase.backbone_share) == (64, 1000, 224, 1.0)
    rates = [phase.schedule(step) for step in (0, 40, 80, 299, 300, 600, 900, 999)]
    assert rates == pytest.approx([0, 0.005, 0.01, 0.01, 1e-3, 1e-4, 1e-5, 1e-5])


def test_a_batch_is_no_larger_than_the_set():
    (phase,) = ImageNetFrozen(epochs=4, decay_every_epochs=2).phases(96)
    assert (phase.batch, phase.steps, phase.schedule) == (96, 4, StepDecay(0.1, (2,), 0.2))
    (phase,) = ImageNetFrozen(batch=40, epochs=2).phases(96)
    assert (phase.batch, phase.steps) == (40, 4)
    assert FineGrained().phases(96)[0].batch == 96
    assert Vtab(batches=(512,)).phases(96, Vtab(batches=(512,)).trial(0))[0].batch == 96


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("seed", -1, "seed is -1; it must be from 0"),
        ("runs", 0, "runs is 0; it must be 1 or more"),
        ("momentum", 1.0, r"momentum is 1.0; it must be in \[0, 1\)"),
        ("judged_share", 0.0, "judged_share is 0.0; it must be above 0"),
        ("micro_batch", 0, "micro_batch is 0; it must be 1 or more"),
        ("stesp", 1, "stesp is not a field"),
    ],
)
def test_a_value_that_does_not_fit_is_named(name, field, value, said):
    with pytest.raises(ValueError, match=said):
        build_fields(RECIPES[name], {field: value})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"steps": []}, "steps is"),
        ({"batches": [0]}, "batches is"),
        ({"cuts": ["centre"]}, "cuts"),
        ({"least_learning_rate": 1.0}, "above Vtab.greatest_learning_rate"),
    ],
)
def test_a_sweep_that_cannot_be_drawn_is_refused(values, said):
    with pytest.raises(ValueError, match=said):
        build_fields(Vtab, values)


def test_a_field_of_the_heads_phase_can_be_set():
    recipe = build_fields(ImageNetFineTuned, {"epochs": 2, "head": {"epochs": 1}})
    assert [phase.steps for phase in recipe.phases(2048)] == [2, 4]


def test_a_cosine_ends_just_above_nothing():
    assert [round(Cosine(1.0, 4)(step), 4) for step in range(5)] == [1, 0.8536, 0.5, 0.1464, 0]
