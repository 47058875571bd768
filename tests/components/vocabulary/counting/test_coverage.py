"""Coverage of captions by a vocabulary, in all and by language, on cases worked out by hand."""

import pytest

from components.vocabulary.config import RESERVED_TOKENS
from components.vocabulary.counting.coverage import list_languages, measure_coverage

PIECES = [*RESERVED_TOKENS, "a", "b", "##b", "cat"]


def test_coverage_by_hand():
    counts = [("cat", {"en": 3, "de": 1}), ("abb", {"en": 2}), ("xyz", {"de": 3}), ("ab", {"en": 1})]
    assert measure_coverage(PIECES, counts, {"de": 2, "en": 3, "fr": 1}, least=2).to_json() == {
        "pieces": 9,
        "least_word_count": 2,
        "captions": 6,
        "words": 10,
        "distinct_words": 4,
        "unknown_word_rate": pytest.approx(0.3),
        "pieces_per_word": pytest.approx((4 + 2 * 3 + 3 + 2) / 10),
        "languages": {
            "en": {
                "captions": 3,
                "words": 6,
                "distinct_words": 3,
                "unknown_word_rate": 0.0,
                "pieces_per_word": pytest.approx((3 + 2 * 3 + 2) / 6),
            },
            "de": {
                "captions": 2,
                "words": 4,
                "distinct_words": 2,
                "unknown_word_rate": pytest.approx(0.75),
                "pieces_per_word": 1.0,
            },
            "fr": {
                "captions": 1,
                "words": 0,
                "distinct_words": 0,
                "unknown_word_rate": 0.0,
                "pieces_per_word": 0.0,
            },
        },
    }


def test_the_languages_of_most_captions_are_listed_and_the_rest_is_one():
    captions = {"en": 9, "fr": 2, "de": 2, "it": 1}
    assert list_languages(captions, 4) == ["en", "de", "fr", "it"]
    assert list_languages(captions, 3) == ["en", "de", "other"]


def test_what_is_not_listed_is_added_up():
    captions = {f"x-{number:03d}": 1 for number in range(150)}
    counts = [("cat", dict.fromkeys(captions, 1)), ("a", {"x-149": 5})]
    languages = measure_coverage(PIECES, counts, captions).languages
    assert list(languages) == [*(f"x-{number:03d}" for number in range(99)), "other"]
    assert languages["x-000"].words == 1
    other = languages["other"]
    assert (other.captions, other.words, other.distinct_words) == (51, 51 + 5, 2)
