"""Unigrams and bigrams of captions, which of them are frequent, and batches of their counts.

An n-gram is a text: a word, or two neighbouring words with a blank between them. The paper drops a caption that holds
"any rare token", outside the 100 million most frequent unigrams and bigrams of the raw data (ALIGN section 3,
arXiv:2102.05918). We read that as one ranking of both, and a caption as rare where any of its unigrams or bigrams is
outside it. Of n-grams that are seen equally often at the last rank all are in: nothing but counts decides.

Ranking counts needs no sorting of the corpus: the n-grams seen c times are counted for each c, and the ranking goes
down from the greatest c until it has enough.
"""

from __future__ import annotations

import itertools
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence


def bigrams(words: Sequence[str]) -> list[str]:
    """Returns each two neighbouring words, joined by a blank."""
    return [f"{first} {second}" for first, second in itertools.pairwise(words)]


def count_ngrams(captions: Iterable[Sequence[str]]) -> Counter[str]:
    """Returns how often each unigram and bigram occurs in captions that are cut into words."""
    counts: Counter[str] = Counter()
    for words in captions:
        counts.update(words)
        counts.update(bigrams(words))
    return counts


def occurrences(words: int) -> int:
    """Returns how many unigrams and bigrams a caption of so many words holds."""
    return max(0, 2 * words - 1)


def bucket_of(ngram: str, buckets: int) -> int:
    """Returns the bucket that an n-gram is counted in, the same in every process."""
    return zlib.crc32(ngram.encode()) % buckets


def by_bucket(counts: Mapping[str, int], buckets: int) -> dict[int, dict[str, int]]:
    """Divide counts into those of each bucket."""
    divided: dict[int, dict[str, int]] = defaultdict(dict)
    for ngram, count in counts.items():
        divided[bucket_of(ngram, buckets)][ngram] = count
    return divided


def add_up(batches: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up the counts that files sent to one bucket."""
    totals: dict[str, int] = defaultdict(int)
    for batch in batches:
        for ngram, count in batch.items():
            totals[ngram] += count
    return totals


def least_frequent_count(seen: Mapping[int, int], places: int) -> int:
    """Returns how often an n-gram must be seen to be among the most frequent ones.

    Args:
      seen: count -> how many different n-grams are seen so often.
      places: how many are frequent; more where several tie at the last place.

    Returns:
      The count of the n-gram at the last place; 0, which every n-gram reaches, where there are fewer than places.
    """
    ranked = 0
    for count in sorted(seen, reverse=True):
        ranked += seen[count]
        if ranked >= places:
            return count
    return 0


def find_rare(words: Sequence[str], rare: frozenset[str]) -> str:
    """Returns the first n-gram of a caption that is rare, unigrams before bigrams, or ""."""
    pairs = bigrams(words)
    if rare.isdisjoint(words) and rare.isdisjoint(pairs):
        return ""
    return next(ngram for ngram in (*words, *pairs) if ngram in rare)
