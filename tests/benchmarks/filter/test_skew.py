"""Skewed corpora are what their manifest says to the filter itself, and the table sets each beside the even one."""

from collections import Counter

import pytest

from benchmarks.filter import skew
from benchmarks.filter.run import FilterJob, FilterRun, execute, read_report
from benchmarks.filter.skew import HEADER, differences, expected_counts, row
from benchmarks.filter.stand_ins import Filtered
from benchmarks.pairs.stand_ins import StandIns
from benchmarks.pairs.writing import write_examples
from benchmarks.shared.processes import Peaks
from components.pair_filter.config import FilterConfig

PAIRS = 1200  # of which 1,164 show the shared image, where 1,000 captions are allowed
NAMES = (
    "nothing is shared",
    "one caption on nearly all images",
    "one image in nearly all records",
    "one image, its captions in few records",
)


@pytest.fixture(scope="module")
def corpora():
    return skew.corpora(PAIRS, seed=1)


@pytest.mark.parametrize("name", NAMES)
def test_the_filter_drops_what_was_made_to_be_dropped(corpora, name, tmp_path):
    corpus = corpora[name]
    manifest = write_examples(corpus, StandIns, tmp_path / "pairs", max(1, 500 // corpus.max_captions))
    config = FilterConfig(frequent_ngrams=10_000)
    execute(FilterJob(str(tmp_path / "pairs"), str(tmp_path / "run"), config.to_json(), ()))
    found = Filtered(manifest, read_report(tmp_path / "run"), None)
    assert differences(found) == []
    assert found.counts["train", "captions", "kept"]
    expected = expected_counts(manifest)
    assert expected["train", "captions", "captions_per_image"] == (
        1164 if "image," in name or "image in" in name else 0
    )
    assert expected["train", "captions", "images_per_caption"] == (1164 if "one caption" in name else 0)


def test_corpora_are_as_large_and_the_last_has_few_records(corpora):
    assert tuple(corpora) == NAMES
    assert [corpus.pairs for corpus in corpora.values()] == [PAIRS, PAIRS, PAIRS, 100]
    assert [corpus.max_captions for corpus in corpora.values()] == [1, 1, 1, 12]
    shown = [corpora[NAMES[3]].pair(number) for number in range(100)]
    crowded = [pair for pair in shown if pair.role == "logo"]
    assert len({pair.shown for pair in crowded}) == 1
    assert len({text for pair in crowded for text, _ in pair.captions}) == 97 * 12


def test_each_corpus_is_told_beside_the_even_one():
    def filtered(dropped, seconds, worker):
        manifest = {
            "corpus": {"max_captions": 3},
            "roles": {"logo": 4},
            "pairs": {"seen": 2, "train": 5},
            "captions": {"seen": 2, "train": 13},
        }
        counts = {
            ("train", "images", "read"): 5,
            ("seen", "images", "read"): 2,
            ("train", "captions", "read"): 13,
            ("seen", "captions", "read"): 2,
            ("train", "images", "captions_per_image"): 4,
            ("train", "captions", "captions_per_image"): dropped,
            ("train", "captions", "kept"): 1,
        }
        return Filtered(
            manifest, Counter(counts), FilterRun(1.0, seconds, 1.0, Peaks(100 << 20, worker << 20, 2 * seconds))
        )

    even, start = filtered(12, 30.0, 600), filtered(12, 10.0, 500)
    assert row("even", even, even, start) == (
        "| even | 7 | 15 | 1 | 30.0 | 1.00 | 1.00 | 60 | 1.00 | 600 | 1.00 | 100 | as made |"
    )
    skewed = row("skewed", filtered(11, 36.0, 900), even, start)
    assert skewed == "| skewed | 7 | 15 | 1 | 36.0 | 1.20 | 1.30 | 72 | 1.20 | 900 | 1.50 | 100 | DIFFER |"
    assert [line.count("|") for line in HEADER.splitlines()] == [skewed.count("|")] * 2
