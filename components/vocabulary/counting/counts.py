"""Counts words by language, divides the counts into buckets and adds them up again: what travels in place of captions.

A file's counts hold each (language, word) once, however often it is seen: what is shuffled is the distinct words of
each file and language, and the captions stay where they are. A word's counts in all languages meet in one bucket.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from components.vocabulary.counting.words import split_words


@dataclass
class WordCounts:
    """Counts of captions and of their words.

    Attributes:
      captions: language -> captions.
      words: language -> word -> times seen.
    """

    captions: dict[str, int] = field(default_factory=dict)
    words: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, other: WordCounts) -> None:
        """Add another's counts to these."""
        for language, captions in other.captions.items():
            self.captions[language] = self.captions.get(language, 0) + captions
        for language, words in other.words.items():
            known = self.words.setdefault(language, {})
            for word, count in words.items():
                known[word] = known.get(word, 0) + count

    def by_word(self) -> Iterator[tuple[str, dict[str, int]]]:
        """Yield each distinct word with its count in each language that has it."""
        found: dict[str, dict[str, int]] = {}
        for language, words in self.words.items():
            for word, count in words.items():
                found.setdefault(word, {})[language] = count
        yield from found.items()


def count_words(captions: Iterable[tuple[str, str, int]]) -> WordCounts:
    """Count the words of captions.

    Args:
      captions: (text, BCP 47 tag, times seen).
    """
    numbers: Counter[str] = Counter()
    words: dict[str, Counter[str]] = defaultdict(Counter)
    for text, language, times in captions:
        numbers[language] += times
        for word in split_words(text):
            words[language][word] += times
    return WordCounts(numbers, {language: counted for language, counted in words.items() if counted})


def by_bucket(counts: WordCounts, buckets: int) -> Iterator[tuple[int, WordCounts]]:
    """Yield each bucket of words that counts hold, with its part; the captions are counted in bucket 0."""
    divided: dict[int, WordCounts] = defaultdict(WordCounts)
    divided[0].captions = counts.captions
    for language, words in counts.words.items():
        for word, count in words.items():
            bucket = zlib.crc32(word.encode()) % buckets
            divided[bucket].words.setdefault(language, {})[word] = count
    yield from divided.items()


def least_count(counts: Iterable[int], at_least: int, at_most_words: int) -> int:
    """Returns how often a word must be seen so that `at_most_words` distinct words at most are left.

    Words that are seen equally often stay or go together: nothing but counts decides.

    Args:
      counts: times seen, of each distinct word.
      at_least: the least answer.
      at_most_words: distinct words.
    """
    seen = Counter(count for count in counts if count >= at_least)
    left = seen.total()
    least = at_least
    for count in sorted(seen):
        if left <= at_most_words:
            break
        left -= seen[count]
        least = count + 1
    return least
