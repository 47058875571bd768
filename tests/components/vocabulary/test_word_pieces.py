"""Pieces are learnt from counts, and the same counts give the same bytes in any process."""

import hashlib
import itertools
import json
import os
import random
import subprocess
import sys
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from components.vocabulary.config import RESERVED_TOKENS, VocabularyConfig
from components.vocabulary.word_pieces import choose_alphabet, learn_pieces, replay

TINY = {"low": 5, "lower": 2, "lowest": 1, "new": 6}
LEARN_AND_HASH = """
import hashlib, json, random, sys
from components.vocabulary.config import VocabularyConfig
from components.vocabulary.counting.counts import WordCounts, count_words
from components.vocabulary.word_pieces import learn_pieces
captions = json.load(sys.stdin)
random.Random(int(sys.argv[1])).shuffle(captions)
counts = WordCounts()
for file in (captions[:1000], captions[1000:]):
    counts.add(count_words((text, "en", 1) for text in file))
print(hashlib.sha256("\\n".join(learn_pieces(counts.words["en"], VocabularyConfig(size=1500))).encode()).hexdigest())
"""


def merges_by_hand(counts: dict[str, int], merges: int) -> list[str]:
    """Byte-pair merging at its plainest: returns the pieces in the order in which they are made."""
    words = {(word[0], *("##" + c for c in word[1:])): count for word, count in counts.items()}
    made = []
    for _ in range(merges):
        pairs = Counter()
        for pieces, count in words.items():
            for pair in itertools.pairwise(pieces):
                pairs[pair] += count
        if not pairs:
            return made
        (best, number), *others = pairs.most_common(2)
        assert not others or others[0][1] < number, "a tie decides nothing by hand"
        joined = best[0] + best[1][2:]
        made.append(joined)
        merged = {}
        for pieces, count in words.items():
            left, index = [], 0
            while index < len(pieces):
                if pieces[index : index + 2] == best:
                    left.append(joined)
                    index += 2
                else:
                    left.append(pieces[index])
                    index += 1
            merged[tuple(left)] = count
        words = merged
    return made


def test_pieces_stand_in_order_reserved_characters_continuations_learnt():
    pieces = learn_pieces(TINY, VocabularyConfig(size=1000))
    characters = sorted(set("".join(TINY)))
    fixed = [*RESERVED_TOKENS, *characters, *(f"##{c}" for c in characters)]
    assert pieces[: len(fixed)] == fixed
    assert {"low", "new", "lower", "lowest"} <= set(pieces[len(fixed) :])
    assert len(set(pieces)) == len(pieces)


def test_the_most_frequent_pairs_are_merged_first():
    counts = {"aab": 100, "aac": 71, "bd": 30, "cde": 8, "cdf": 3}
    fixed = len(RESERVED_TOKENS) + 2 * len(set("".join(counts)))
    pieces = learn_pieces(counts, VocabularyConfig(size=1000))
    assert pieces[fixed : fixed + 5] == merges_by_hand(counts, 5) == ["aa", "aab", "aac", "bd", "cd"]


def test_a_word_counts_as_often_as_it_was_seen():
    assert "ab" in learn_pieces({"ab": 2, "cd": 1}, VocabularyConfig(size=5 + 8 + 1 + 8))
    limited = VocabularyConfig(size=5 + 16 + 1)
    assert learn_pieces({"ab": 2, "cd": 1}, limited)[13:14] == ["ab"]
    assert learn_pieces({"ab": 1, "cd": 2}, limited)[13:14] == ["cd"]


def test_rare_and_overlong_words_teach_nothing():
    config = VocabularyConfig(size=1000, min_word_count=3)
    assert learn_pieces({"low": 5, "zebra": 2, "x" * 101: 9}, config) == learn_pieces({"low": 5}, config)


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.text("abcdefgh猫写真", min_size=1, max_size=6), st.integers(1, 20), min_size=1),
    st.integers(6, 60),
)
def test_the_size_is_never_exceeded_and_the_order_of_counts_does_not_matter(counts, size):
    config = VocabularyConfig(size=size)
    pieces = learn_pieces(counts, config)
    assert len(pieces) == len(set(pieces)) <= size
    assert tuple(pieces[:5]) == RESERVED_TOKENS
    assert pieces == learn_pieces(dict(reversed(counts.items())), config)


def test_other_processes_learn_the_same_bytes_from_the_captions_in_another_order():
    chance = random.Random(0)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyzäöüß", k=chance.randint(1, 7))) for _ in range(5000)]
    distinct = list(dict.fromkeys(word.translate({228: "a", 246: "o", 252: "u"}) for word in words))
    captions = [" ".join(distinct[start : start + 3]) for start in range(0, len(distinct), 3)]
    digests = {
        subprocess.run(
            [sys.executable, "-c", LEARN_AND_HASH, str(seed)],
            input=json.dumps(captions),
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in range(3)
    }
    counts = dict.fromkeys(distinct, 1)  # counts that are all equal make as many ties as there can be
    here = "\n".join(learn_pieces(counts, VocabularyConfig(size=1500))).encode()
    assert digests == {hashlib.sha256(here).hexdigest()}


def test_the_alphabet_holds_the_most_frequent_characters():
    assert choose_alphabet({"ab": 3, "bc": 2, "d": 1}, 4) == ["a", "b"]
    assert choose_alphabet({"ab": 1}, 100) == ["a", "b"]
    assert choose_alphabet({"ba": 1}, 3) == ["a"]


@given(st.dictionaries(st.text("ab", min_size=1, max_size=3), st.integers(1, 3000), max_size=6), st.integers(10, 500))
def test_replayed_words_keep_their_counts_or_their_proportions(counts, at_most):
    exact = Counter(" ".join(replay(counts, 10**9)).split())
    assert exact == counts
    scaled = Counter(" ".join(replay(counts, at_most)).split())
    assert scaled.keys() == counts.keys()
    assert scaled.total() <= at_most + len(counts)
    total = sum(counts.values())
    for word, count in counts.items():
        assert abs(scaled[word] - count * min(1, at_most / total)) <= 1
