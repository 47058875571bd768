"""Counts words in Beam: each file counts its own and sends each bucket of words one batch, a bucket adds up.

A bucket leaves its counts in a file aside, from where they are read back one bucket at a time.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator

import apache_beam as beam

from components.beam import whole_files
from components.files.caption_table import read_captions
from components.vocabulary.counting.counts import WordCounts, by_bucket, count_words


class CountWords(beam.DoFn):
    """Table of captions -> (bucket, counts)."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets

    def process(self, path: str) -> Iterator[tuple[int, WordCounts]]:
        yield from by_bucket(count_words(read_captions(whole_files.read_bytes(path))), self._buckets)


class AddUpBucket(beam.DoFn):
    """(bucket, counts of each file) -> a file of the bucket's counts."""

    def __init__(self, aside: str) -> None:
        self._aside = aside

    def process(self, element: tuple[int, Iterable[WordCounts]]) -> None:
        bucket, parts = element
        counts = WordCounts()
        for part in parts:
            counts.add(part)
        content = {"captions": counts.captions, "words": counts.words}
        whole_files.write_text(_bucket_path(self._aside, bucket), json.dumps(content, ensure_ascii=False))


def read_words(aside: str, buckets: int) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield each distinct word with its count in each language, holding one bucket at a time."""
    for bucket in range(buckets):
        yield from read_bucket(aside, bucket).by_word()


def read_totals(aside: str, buckets: int) -> Iterator[tuple[str, int]]:
    """Yield each distinct word with its count in all languages."""
    for word, times in read_words(aside, buckets):
        yield word, sum(times.values())


def read_bucket(aside: str, bucket: int) -> WordCounts:
    """Returns what a bucket was given, which may be nothing."""
    path = _bucket_path(aside, bucket)
    if not whole_files.exists(path):
        return WordCounts()
    return WordCounts(**json.loads(whole_files.read_bytes(path)))


def _bucket_path(aside: str, bucket: int) -> str:
    return posixpath.join(aside, f"words-{bucket:04d}.json")
