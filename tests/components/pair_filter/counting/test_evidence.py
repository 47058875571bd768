"""Convictions from trimmed, scattered evidence equal those from all of it in one place."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pair_filter.counting import evidence
from components.pair_filter.counting.evidence import Batch, caption_key, convict, image_key, in_buckets, is_in, trim

LIMIT = 2
# (file, caption, image): what is seen where; few of each, so that they meet.
sightings = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.integers(0, 5)), max_size=60)


def as_keys(digests: list[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)


def batch(file: int, seen: list[tuple[str, int]], *, counts: bool = True, asks: bool = True) -> Batch:
    keys = as_keys([caption_key(text) for text, _ in seen])
    images = as_keys([image_key(b"%d" % number) for _, number in seen])
    return Batch(file, *trim(keys, images[:, 0], LIMIT), counts, asks)


def convicted(batches: list[Batch], buckets: int) -> dict[int, set[bytes]]:
    shuffled = defaultdict(list)
    for sent in batches:
        for bucket, part in in_buckets(sent, buckets):
            shuffled[bucket].append(part)
    found = defaultdict(set)
    for parts in shuffled.values():
        for file, keys in convict(parts, LIMIT):
            answered = [key.tobytes() for key in keys]
            assert not found[file] & set(answered)
            assert len(answered) == len(set(answered))
            found[file] |= set(answered)
    return dict(found)


@given(sightings, st.integers(1, 7))
def test_a_key_is_convicted_by_more_different_witnesses_than_its_limit(seen, buckets):
    batches = [batch(file, [(text, number) for of, text, number in seen if of == file]) for file in range(4)]
    images = defaultdict(set)
    for _, text, number in seen:
        images[text].add(number)
    expected = defaultdict(set)
    for file, text, _ in seen:
        if len(images[text]) > LIMIT:
            expected[file].add(caption_key(text))
    assert convicted(batches, buckets) == expected


@given(sightings)
def test_forgetting_what_is_over_the_limit_changes_nothing(seen):
    batches = [batch(file, [(text, number) for of, text, number in seen if of == file]) for file in range(4)]
    whole = convicted(batches, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "_COMPACT_ABOVE", 3)
        assert convicted(batches, 2) == whole


class Watched:
    """A batch that counts how often it is looked into."""

    looks = 0

    def __init__(self, of: Batch) -> None:
        self._of = of

    def __getattr__(self, name: str):
        Watched.looks += 1
        return getattr(self._of, name)


def looks_into(files: int) -> int:
    """Returns how often a bucket looks into the batches of so many files, or takes the length of anything."""
    Watched.looks = 0

    def counted(sized) -> int:
        Watched.looks += 1
        return len(sized)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evidence, "len", counted, raising=False)
        told = list(convict([Watched(batch(file, [("a", file)])) for file in range(files)], LIMIT))
    assert [file for file, _ in told] == list(range(files))
    return Watched.looks


def test_a_bucket_looks_as_often_into_a_batch_of_many_as_of_few():
    """Adding up anew what waits, for each batch that comes, would look into all the earlier ones again."""
    few, more, most = (looks_into(files) for files in (20, 40, 60))
    assert most - more == more - few


def test_a_caption_of_every_file_never_heaps_up(monkeypatch):
    """What is put in order at once stays within a bound, and all of it together within twice what was sent."""
    above, files = 20, 500
    trimmed: list[int] = []

    def watched(keys, witnesses, limit):
        trimmed.append(len(keys))
        return trim(keys, witnesses, limit)

    batches = [batch(file, [("a", LIMIT * file), ("a", LIMIT * file + 1)]) for file in range(files)]
    monkeypatch.setattr(evidence, "_COMPACT_ABOVE", above)
    monkeypatch.setattr(evidence, "trim", watched)
    assert len(list(convict(batches, LIMIT))) == files
    assert max(trimmed) <= above + 2 + LIMIT + 1
    assert sum(trimmed) <= 2 * 2 * files


def test_a_file_that_only_asks_adds_nothing_and_one_that_only_counts_is_not_told():
    train = batch(0, [("a", 1), ("a", 2), ("b", 3)], asks=False)
    judged = batch(1, [("a", 4), ("b", 5), ("c", 6)], counts=False)
    assert convicted([train, judged], 3) == {}
    more = batch(2, [("a", 7), ("A ", 7)])
    assert convicted([train, judged, more], 3) == {1: {caption_key("a")}, 2: {caption_key("a")}}


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 4))), st.integers(1, 3))
def test_trimming_leaves_different_witnesses_up_to_one_above_the_limit(entries, limit):
    keys = np.array([entry[:2] for entry in entries], np.uint64).reshape(-1, 2)
    kept, witnesses = trim(keys, np.array([entry[2] for entry in entries], np.uint64), limit)
    of_key = defaultdict(set)
    for first, second, witness in entries:
        of_key[first, second].add(witness)
    left = defaultdict(list)
    for key, witness in zip(kept.tolist(), witnesses.tolist(), strict=True):
        left[tuple(key)].append(witness)
    assert left == {key: sorted(seen)[: limit + 1] for key, seen in of_key.items()}


@given(*[st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)))] * 2)
def test_membership_of_keys(keys, wanted):
    found = is_in(np.array(keys, np.uint64).reshape(-1, 2), np.array(wanted, np.uint64).reshape(-1, 2))
    assert found.tolist() == [key in wanted for key in keys]


def test_captions_have_the_same_key_but_for_case_and_white_space():
    assert caption_key("A  b") == caption_key("a b") != caption_key("ab")
