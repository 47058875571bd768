"""The folds that settings of the demo are judged by: who trains, who is judged, what is held out."""

import json
from collections import Counter

import pytest

from benchmarks.demo import fold


@pytest.fixture(scope="module")
def metas():
    """The metadata of every training picture of the demo."""
    return [
        json.loads(next(content for member, content in record if member.name.endswith(".json")))
        for record in fold.read_records(fold.TRAIN_SHARDS)
    ]


def test_every_training_artist_has_one_hand(metas):
    assert sorted(fold.ARTISTS) == sorted({meta["artist"] for meta in metas})


@pytest.mark.parametrize(
    ("judged", "kin"),
    [
        ("twitter", {"twitter"}),
        ("google", {"google", "noto-v1", "noto-mono"}),
        ("emojione-v1", {"emojione", "emojione-v1"}),
    ],
)
def test_nobody_of_the_judged_hand_trains_and_no_held_out_family_does(metas, judged, kin):
    split = {(meta["artist"], meta["emoji"]): fold.split_of(meta, judged) for meta in metas}
    assert {artist for (artist, _), name in split.items() if name == "train"} == set(fold.ARTISTS) - kin
    assert {artist for (artist, _), name in split.items() if name in ("seen", "unseen")} == {judged}
    families = {name: {meta["family"] for meta in metas if split[meta["artist"], meta["emoji"]] == name} for name in (
        "train", "seen", "unseen"
    )}  # fmt: skip
    assert not families["unseen"] & (families["train"] | families["seen"])
    assert 0.05 < len(families["unseen"]) / len(families["unseen"] | families["seen"]) < 0.15


def test_who_is_left_out_does_not_train(metas):
    splits = Counter(fold.split_of(meta, "twitter", ["noto-mono"]) for meta in metas if meta["artist"] == "noto-mono")
    assert set(splits) == {None}


def test_another_fold_or_other_left_out_artists_have_another_folder():
    prints = {fold.fold_print(*told) for told in (("twitter", []), ("openmoji", []), ("twitter", ["noto-v1"]))}
    assert len(prints) == 3
    assert fold.fold_print("twitter", ["noto-v1", "noto-mono"]) == fold.fold_print("twitter", ["noto-mono", "noto-v1"])
