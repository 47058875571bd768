"""Finds the rare n-grams of each file: counts in buckets, a cut-off from their histogram, answers to the files.

Each file sends a bucket its n-grams once, with their counts, so that "the" on a billion captions is one number a file.
Where the train split holds no more n-grams than are frequent, none can be rare, and nothing is counted.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

import apache_beam as beam
import numpy as np
from apache_beam import pvalue
from apache_beam.utils.shared import Shared

from components.beam import whole_files
from components.pair_filter.counting.bloom import BloomFilter
from components.pair_filter.counting.ngrams import add_up, by_bucket, count_ngrams, least_frequent_count
from components.pair_filter.judging.facts import part_words
from components.pair_filter.passes.describe_pass import read_captions
from components.pair_filter.tasks import FileTask
from components.schema import TRAIN_SPLIT

Batches = Iterable[tuple[int, Mapping[str, int]]]  # (file, the counts that it sent to one bucket)


class FindRareNgrams(beam.PTransform):
    """(file, task) -> (file, its rare n-grams), exact; a file without any is left out."""

    def __init__(self, splits: Collection[str], places: int, buckets: int, total: beam.PCollection[int]) -> None:
        """Args: splits to judge; how many n-grams are frequent; buckets to count in; n-grams of the train split."""
        super().__init__()
        self._counting = splits, places, buckets, total

    def expand(self, files: beam.PCollection) -> beam.PCollection:
        counted, least = _count(files, *self._counting)
        return counted | "Answer" >> beam.ParDo(AnswerFiles(), least)


class FindRareNgramsByBloomFilter(beam.PTransform):
    """The same, approximate: a share of the rare ones is not found, at a stated rate. No answer is shuffled.

    Workers hold the filters of all buckets: 100 million n-grams are 180 megabytes at a rate of 0.001.
    """

    def __init__(
        self,
        splits: Collection[str],
        places: int,
        buckets: int,
        total: beam.PCollection[int],
        false_positive_rate: float,
        aside: str,
    ) -> None:
        """Args: as for FindRareNgrams; the rate; the folder that the filters are written to."""
        super().__init__()
        self._counting = splits, places, buckets, total
        self._rate = false_positive_rate
        self._aside = aside

    def expand(self, files: beam.PCollection) -> beam.PCollection:
        splits, _, buckets, _ = self._counting
        counted, least = _count(files, *self._counting)
        filters = counted | "Filters" >> beam.ParDo(WriteBloomFilter(self._rate, self._aside), least)
        judged = files | "Judged" >> beam.Filter(lambda file: file[1].split in splits)
        return judged | "LookUp" >> beam.ParDo(LookUpNgrams(buckets), pvalue.AsDict(filters))


def _count(files, splits: Collection[str], places: int, buckets: int, total):
    """Returns what was sent to each bucket, and as a side input the least count of a frequent n-gram."""
    counted = (
        files
        | "CountNgrams" >> beam.ParDo(CountNgrams(splits, places, buckets), pvalue.AsSingleton(total))
        | "NgramBuckets" >> beam.GroupByKey()
    )
    least = (
        counted
        | "Histogram" >> beam.ParDo(CountCounts())
        | "AddUpHistograms" >> beam.CombineGlobally(_add_histograms)
        | "CutOff" >> beam.Map(least_frequent_count, places)
    )
    return counted, pvalue.AsSingleton(least)


class CountNgrams(beam.DoFn):
    """(file, task) and the n-grams of the whole train split -> (bucket, (file, counts))."""

    def __init__(self, splits: Collection[str], places: int, buckets: int) -> None:
        self._splits = splits
        self._places = places
        self._buckets = buckets

    def process(self, element: tuple[int, FileTask], total: int) -> Iterator[tuple[int, tuple[int, dict[str, int]]]]:
        file, task = element
        is_counted = task.split == TRAIN_SPLIT
        if total <= self._places or not (is_counted or task.split in self._splits):
            return
        counts = ngrams_of(task)
        sent = counts if is_counted else dict.fromkeys(counts, 0)  # a zero asks and adds nothing
        for bucket, batch in by_bucket(sent, self._buckets).items():
            yield bucket, (file, batch)


class CountCounts(beam.DoFn):
    """(bucket, batches) -> {count: n-grams of that count}."""

    def process(self, element: tuple[int, Batches]) -> Iterator[dict[int, int]]:
        _, batches = element
        yield dict(Counter(count for count in add_up(batch for _, batch in batches).values() if count))


class AnswerFiles(beam.DoFn):
    """(bucket, batches) and the least frequent count -> (file, rare n-grams)."""

    def process(self, element: tuple[int, Batches], least: int) -> Iterator[tuple[int, list[str]]]:
        _, batches = element
        totals = add_up(batch for _, batch in batches)
        for file, batch in batches:
            rare = [ngram for ngram in batch if totals[ngram] < least]
            if rare:
                yield file, rare


class WriteBloomFilter(beam.DoFn):
    """(bucket, batches) and the least frequent count -> (bucket, path and hashes of its frequent n-grams' filter)."""

    def __init__(self, false_positive_rate: float, aside: str) -> None:
        self._rate = false_positive_rate
        self._aside = aside

    def process(self, element: tuple[int, Batches], least: int) -> Iterator[tuple[int, tuple[str, int]]]:
        bucket, batches = element
        totals = add_up(batch for _, batch in batches)
        frequent = BloomFilter.of([ngram for ngram, count in totals.items() if count >= least], self._rate)
        path = posixpath.join(self._aside, f"bloom-{bucket:05d}")
        whole_files.write_bytes(path, frequent.bits.tobytes())
        yield bucket, (path, frequent.hashes)


class LookUpNgrams(beam.DoFn):
    """(file, task) and the filters of all buckets -> (file, rare n-grams)."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets
        self._shared = Shared()  # among the threads of a worker process

    def process(
        self, element: tuple[int, FileTask], paths: Mapping[int, tuple[str, int]]
    ) -> Iterator[tuple[int, list[str]]]:
        file, task = element
        if not paths:
            return
        filters = self._shared.acquire(BloomFilters, tag=min(path for path, _ in paths.values()))
        rare: list[str] = []
        for bucket, batch in by_bucket(ngrams_of(task), self._buckets).items():
            known = filters.read(*paths[bucket]).contains(batch) if bucket in paths else np.zeros(len(batch), bool)
            rare += [ngram for ngram, is_known in zip(batch, known, strict=True) if not is_known]
        if rare:
            yield file, rare


class BloomFilters:
    """The filters that a worker process has read."""

    def __init__(self) -> None:
        self._read: dict[str, BloomFilter] = {}

    def read(self, path: str, hashes: int) -> BloomFilter:
        """Returns the filter in a file, read once."""
        if path not in self._read:
            self._read[path] = BloomFilter(np.frombuffer(whole_files.read_bytes(path), np.uint8), hashes)
        return self._read[path]


def ngrams_of(task: FileTask) -> Counter[str]:
    """Returns how often a file has each n-gram."""
    return count_ngrams(map(part_words, read_captions(task).texts("words")))


def _add_histograms(parts: Iterable[Mapping[int, int]]) -> dict[int, int]:
    return dict(sum(map(Counter, parts), Counter()))
