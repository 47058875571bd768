"""Counts merge like sets: in any order and any grouping, with the same samples."""

import functools
import json
import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.counts import CAPTIONS, IMAGES, SAMPLES_PER_REASON, Counts, Preview, merge

drops = st.lists(st.tuples(st.sampled_from(["small", "odd"]), st.integers(0, 40)), max_size=60)


def counts_of(events):
    counts = Counts()
    for reason, record in events:
        counts.read["train", IMAGES] += 1
        counts.drop("train", IMAGES, reason, f"record {record}", "why")
    return counts


@settings(max_examples=50)
@given(drops, st.integers(1, 5), st.randoms(use_true_random=False))
def test_parts_in_any_order_add_up_to_the_whole(events, workers, random_order):
    parts = [counts_of(events[worker::workers]) for worker in range(workers)]
    random_order.shuffle(parts)
    middle = random_order.randrange(workers + 1)
    nested = merge([merge(parts[:middle]), merge(parts[middle:])])
    assert nested == merge([counts_of(events)])
    assert all(len(found) <= SAMPLES_PER_REASON for found in nested.samples.values())


def test_samples_do_not_depend_on_the_order_of_records():
    events = [("small", record) for record in range(100)]
    shuffled = random.Random(1).sample(events, len(events))
    samples = counts_of(events).report_samples()
    assert samples == counts_of(shuffled).report_samples()
    assert len(samples["small"]) == SAMPLES_PER_REASON


def test_merging_leaves_the_parts_alone():
    parts = [counts_of([("small", 1)]), counts_of([("small", 2)])]
    merge(parts)
    assert parts == [counts_of([("small", 1)]), counts_of([("small", 2)])]


def test_counts_pass_through_json():
    counts = counts_of([("small", 1), ("odd", 2)])
    counts.read["seen", CAPTIONS] += 3
    counts.kept["seen", CAPTIONS] += 3
    counts.note("seen", CAPTIONS, "language_unknown", "0.tar#1", "'7' is no language tag")
    assert Counts.from_json(json.loads(json.dumps(counts.to_json()))) == counts


def test_the_report_holds_every_split_and_the_totals_sum_them():
    counts = counts_of([("small", 1)])
    counts.read["seen", IMAGES] = counts.kept["seen", IMAGES] = 2
    report = counts.report_splits(["train", "seen", "unseen"])
    assert report["train"]["images"] == {"read": 1, "kept": 0, "dropped": {"small": 1}}
    assert report["seen"]["images"] == {"read": 2, "kept": 2, "dropped": {}}
    assert report["unseen"]["captions"] == {"read": 0, "kept": 0, "dropped": {}}
    assert counts.totals() == {"images_read": 3, "images_kept": 2, "captions_read": 0, "captions_kept": 0}


def test_what_is_noted_of_kept_records_adds_up_beside_the_balance():
    parts = []
    for record in ("a", "b"):
        counts = Counts()
        counts.read["train", CAPTIONS] = counts.kept["train", CAPTIONS] = 2
        counts.note("train", CAPTIONS, "language_unknown", record, "'7'")
        parts.append(counts)
    whole = merge(parts)
    expected = {"read": 4, "kept": 4, "dropped": {}, "noted": {"language_unknown": 2}}
    assert whole.report_splits(["train"])["train"]["captions"] == expected
    assert {sample["record"] for sample in whole.report_samples()["language_unknown"]} == {"a", "b"}


def test_names_that_records_have_are_kept_in_mind_unless_they_are_too_many(monkeypatch):
    monkeypatch.setattr("components.counts.MAX_SEEN", 4)
    parts = [Counts(), Counts()]
    parts[0].see("label", ["cat", "dog"])
    parts[0].see("field", ["url"])
    parts[1].see("label", ["dog", "cow"])
    assert merge(parts).all_seen("label") == ["cat", "cow", "dog"]
    assert Counts.from_json(json.loads(json.dumps(merge(parts).to_json()))) == merge(parts)
    parts[1].see("label", ["hen"])
    assert merge(parts).all_seen("label") is None
    assert merge(parts).all_seen("field") == ["url"]
    assert merge(parts).all_seen("nothing") == []
    assert parts[0].all_seen("label") == ["cat", "dog"]


def test_a_record_that_was_lost_on_the_way_is_an_error():
    counts = Counts()
    counts.read["train", IMAGES] = 2
    counts.kept["train", IMAGES] = 1
    with pytest.raises(ValueError, match="unaccounted for 1"):
        counts.report_splits(["train"])


def test_only_what_stays_a_sample_has_its_preview_made():
    taken = []

    def preview(record):
        taken.append(record)
        return Preview(f"caption {record}", "jpeg")

    counts = Counts()
    for record in range(200):
        counts.drop("train", IMAGES, "small", str(record), "why", functools.partial(preview, record))
    assert taken == []
    counts.make_previews()
    assert len(taken) == SAMPLES_PER_REASON
    assert [sample["caption"] for sample in counts.report_samples()["small"]] == [
        f"caption {sample['record']}" for sample in counts.report_samples()["small"]
    ]
    counts.make_previews()
    assert len(taken) == SAMPLES_PER_REASON
    assert pickle.loads(pickle.dumps(counts)) == counts
