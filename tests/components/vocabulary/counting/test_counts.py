"""Counts by language: nothing is lost between captions, files, buckets and words."""

import pickle
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from components.vocabulary.counting.counts import WordCounts, by_bucket, count_words, least_count
from components.vocabulary.counting.words import split_words

CAPTIONS = st.lists(
    st.tuples(st.text("ab, 猫é", max_size=12), st.sampled_from(["en", "de", "zh-Hans", "und"]), st.integers(1, 3)),
    max_size=30,
)


def test_counts_by_hand():
    counts = count_words(
        [("a cat", "en", 3), ("A dog", "en", 1), ("die Cat", "de", 1), ("", "fr", 2), ("cat cat", "und", 2)]
    )
    assert counts.captions == {"en": 4, "de": 1, "fr": 2, "und": 2}
    assert counts.words == {"en": {"a": 4, "cat": 3, "dog": 1}, "de": {"die": 1, "cat": 1}, "und": {"cat": 4}}
    assert dict(counts.by_word())["cat"] == {"en": 3, "de": 1, "und": 4}


@given(st.lists(CAPTIONS, max_size=4), st.integers(1, 5))
def test_files_and_buckets_add_up_to_the_corpus(files, buckets):
    held = {bucket: WordCounts() for bucket in range(buckets)}
    for captions in files:
        for bucket, part in pickle.loads(pickle.dumps(list(by_bucket(count_words(captions), buckets)))):
            held[bucket].add(part)
    words = [word for part in held.values() for word, _ in part.by_word()]
    assert len(words) == len(set(words)), "a word's counts meet in one bucket"
    whole = WordCounts()
    for part in held.values():
        whole.add(part)
    everything = [(text, tag) for captions in files for text, tag, times in captions for _ in range(times)]
    assert whole.captions == Counter(tag for _, tag in everything)
    assert {(tag, word): n for tag, counted in whole.words.items() for word, n in counted.items()} == Counter(
        (tag, word) for text, tag in everything for word in split_words(text)
    )
    assert held[0].captions == whole.captions


def test_the_least_count_by_hand():
    counts = [1, 1, 1, 2, 2, 5]
    assert [least_count(counts, 1, places) for places in (6, 5, 3, 2, 1)] == [1, 2, 2, 3, 3]
    assert least_count(counts, 2, 6) == 2
    assert least_count([3, 3], 1, 1) == 4, "ties go together, here all"
    assert least_count([], 2, 1) == 2


@given(st.lists(st.integers(1, 9)), st.integers(1, 5), st.integers(1, 20))
def test_the_least_count_is_the_least_that_leaves_few_enough(counts, at_least, places):
    least = least_count(counts, at_least, places)
    assert least >= at_least
    assert sum(count >= least for count in counts) <= places
    assert least == at_least or sum(count >= least - 1 for count in counts) > places
