"""N-grams counted in buckets and ranked by a histogram equal those counted and sorted in one place."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pair_filter.counting.ngrams import (
    add_up,
    bigrams,
    bucket_of,
    by_bucket,
    count_ngrams,
    find_rare,
    least_frequent_count,
    occurrences,
)

captions = st.lists(st.lists(st.sampled_from(["a", "b", "cat", "é"]), max_size=6), max_size=20)


def test_a_caption_has_its_words_and_neighbouring_pairs():
    assert bigrams(["a", "red", "cat"]) == ["a red", "red cat"]
    assert count_ngrams([["a", "b", "a", "b"], [], ["b"]]) == {"a": 2, "b": 3, "a b": 2, "b a": 1}


@given(captions)
def test_occurrences_are_what_is_counted(texts):
    assert sum(occurrences(len(words)) for words in texts) == sum(count_ngrams(texts).values())


@given(captions, captions, st.integers(1, 5), st.integers(1, 12))
def test_buckets_and_histograms_rank_as_sorting_does(one, two, buckets, places):
    sent = [by_bucket(count_ngrams(texts), buckets) for texts in (one, two)]
    totals = {
        ngram: count
        for bucket in range(buckets)
        for ngram, count in add_up(file[bucket] for file in sent if bucket in file).items()
    }
    assert totals == count_ngrams(one + two)
    least = least_frequent_count(Counter(totals.values()), places)
    ranked = sorted(totals.values(), reverse=True)
    assert least == (ranked[places - 1] if len(ranked) >= places else 0)
    frequent = {ngram for ngram, count in totals.items() if count >= least}
    assert len(frequent) >= min(places, len(totals))
    assert all(totals[inside] > totals[outside] for inside in frequent for outside in totals.keys() - frequent)


@pytest.mark.parametrize(("places", "least"), [(1, 9), (2, 4), (3, 4), (4, 4), (5, 1), (7, 1), (8, 0)])
def test_all_that_tie_at_the_last_place_are_in(places, least):
    assert least_frequent_count({9: 1, 4: 3, 1: 3}, places) == least


@pytest.mark.parametrize(
    ("text", "rare", "found"),
    [
        ("a red cat", {"cat"}, "cat"),
        ("a red cat", {"red cat", "a red"}, "a red"),
        ("a red cat", {"a red", "cat"}, "cat"),  # unigrams first
        ("a red cat", {"a cat"}, ""),
        ("", {""}, ""),
    ],
)
def test_the_first_rare_ngram_is_named(text, rare, found):
    assert find_rare(text.split(), frozenset(rare)) == found


def test_buckets_do_not_depend_on_the_process():
    assert [bucket_of(ngram, 16) for ngram in ("a", "red cat", "猫")] == [3, 12, 0]
