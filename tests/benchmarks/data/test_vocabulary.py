"""The benchmark of the vocabulary: both learners get the same words, and a small run prints what it should."""

import re
import subprocess
import sys
from collections import Counter

import numpy as np

from benchmarks.data import vocabulary
from benchmarks.shared.checkout import ROOT
from components.vocabulary.counting.words import split_words


def test_the_peers_corpus_holds_what_we_are_given_as_counts(tmp_path):
    words = vocabulary.make_words(700, np.random.default_rng(1))
    assert len(set(words)) == len(words) == 700
    assert words == vocabulary.make_words(700, np.random.default_rng(1))
    assert all(split_words(word) == [word] for word in words)
    counts = vocabulary.zipf_counts(words)
    assert [counts[words[place]] for place in (0, 1, 2, 699)] == [700, 350, 233, 1]
    vocabulary.write_corpus(tmp_path / "corpus.txt", counts, np.random.default_rng(1))
    assert Counter((tmp_path / "corpus.txt").read_text(encoding="utf-8").split()) == counts


def test_a_small_run_prints_both_and_the_ratio():
    command = [
        sys.executable,
        "-m",
        "benchmarks.data.vocabulary",
        "--words",
        "3000",
        "--pieces",
        "4000",
        "--rounds",
        "2",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in (0, 1), done.stderr  # 1: the ratio of a small run means nothing
    assert "3,000 distinct words" in done.stdout
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith(("| tok", "| ours"))]
    assert [row[0] for row in rows] == ["| tokenizers", "| ours"]
    for row in rows:
        assert len(row[1].split(", ")) == 2
        assert int(row[5].replace(",", "")) == 4000
    assert re.search(r"ours / tokenizers: \d+\.\d\d", done.stdout)
    assert "the same pieces each round" in done.stdout
