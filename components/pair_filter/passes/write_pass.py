"""Last pass of the filter: each file is judged, then read again, and what is kept, dropped and counted is written."""

from __future__ import annotations

import contextlib
import functools
import itertools
import posixpath
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam import pvalue

from components import schema
from components.artifact_files import RECORD_COUNTS_FILE
from components.beam import whole_files
from components.counts import CAPTIONS, IMAGES, Counts, Preview
from components.files import example_files
from components.files.caption_table import write_captions
from components.files.tf_example import Example
from components.pair_filter.config import FilterConfig
from components.pair_filter.copies.evaluation_images import EvaluationImages
from components.pair_filter.counting.evidence import is_in
from components.pair_filter.judging.facts import FileFacts
from components.pair_filter.judging.judge import Findings, judge_file
from components.pair_filter.judging.rules import Drop, Verdict
from components.pair_filter.judging.thumbnail import thumbnail
from components.pair_filter.passes.describe_pass import read_captions, read_records
from components.pair_filter.passes.evidence_pass import CAPTION, IMAGE
from components.pair_filter.tasks import FileTask

FILES, CONVICTED, RARE, SCORES, NEIGHBOURS = "files", "convicted", "rare", "scores", "neighbours"
WRITTEN = "written"
Write = Callable[[bytes], None]
Captions = Counter[tuple[str, str]]  # (text, language) -> how often it is kept


class FilterFile(beam.DoFn):
    """(file, its task and all that was found about it) -> its counts; writes what is kept, and what is not.

    Beside them, under WRITTEN, its split with its name and how much it holds now.
    """

    def __init__(self, config: FilterConfig, aside: str) -> None:
        self._config = config
        self._aside = aside

    def process(self, element: tuple[int, dict[str, Any]], evaluation: EvaluationImages) -> Iterator:
        _, joined = element
        (task,) = joined[FILES]
        counts = Counts()
        facts = FileFacts.read(read_records(task), read_captions(task))
        if task.split not in self._config.splits:
            kept = _pass_whole(task, facts, self._aside, counts)
        else:
            verdicts = judge_file(facts, self._findings(task, facts, joined, evaluation), self._config)
            kept = self._write(task, facts, verdicts, counts)
            counts.make_previews()
        if task.captions:
            whole_files.write_bytes(task.captions, write_captions(kept))
        yield counts
        held = {"records": counts.kept[task.split, IMAGES], "captions": counts.kept[task.split, CAPTIONS]}
        yield pvalue.TaggedOutput(WRITTEN, (task.split, (posixpath.basename(task.target), held)))

    def _findings(
        self, task: FileTask, facts: FileFacts, joined: dict[str, Any], evaluation: EvaluationImages
    ) -> Findings:
        is_compared = self._config.compares_images and task.split == schema.TRAIN_SPLIT
        prints = facts.pixels, facts.is_compared, facts.perceptual, facts.is_hashed
        return Findings(
            is_crowded=is_in(facts.image_key, _convicted(joined, IMAGE)),
            is_shared=is_in(facts.caption_key, _convicted(joined, CAPTION)),
            rare_ngrams=frozenset(ngram for part in joined.get(RARE, ()) for ngram in part),
            copies=evaluation.find_copies(*prints) if is_compared else {},
            neighbours={
                row: f"cosine {cosine:.3f} to {name}"
                for part in joined.get(NEIGHBOURS, ())
                for row, (name, cosine) in part.items()
            },
            scores=next(iter(joined.get(SCORES, ())), None),
        )

    def _write(self, task: FileTask, facts: FileFacts, verdicts: Iterator[Verdict], counts: Counts) -> Captions:
        captions_kept: Captions = Counter()
        with contextlib.ExitStack() as files:
            keep = files.enter_context(example_files.writing(task.target, self._aside))
            reject = files.enter_context(example_files.writing(task.rejects, self._aside)) if task.rejects else None
            payloads = example_files.read_payloads(task.source)
            for row, (verdict, payload) in enumerate(zip(verdicts, payloads, strict=True)):
                own = slice(facts.first[row], facts.first[row + 1])
                captions = facts.text[own]
                _count(verdict, task.split, facts.name[row], captions, payload, counts)
                if not verdict.image:
                    described = zip(captions, facts.language[own], strict=True)
                    captions_kept.update(itertools.compress(described, (not dropped for dropped in verdict.captions)))
                if not verdict.image and not any(verdict.captions):
                    keep(payload)
                    continue
                if not verdict.image:
                    keep(_kept(payload, verdict))
                if reject:
                    reject(_rejected(payload, verdict))
        return captions_kept


def _pass_whole(task: FileTask, facts: FileFacts, aside: str, counts: Counts) -> Captions:
    """Copy a file of a split that is not filtered."""
    whole_files.copy(task.source, task.target, aside)
    for fate in (counts.read, counts.kept):
        fate[task.split, IMAGES] += len(facts.name)
        fate[task.split, CAPTIONS] += len(facts.text)
    return Counter(zip(facts.text, facts.language, strict=True))


class HandOverRecordCounts(beam.DoFn):
    """(split, name of each of its files with what it holds) -> the split's table in the split's folder."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self._folders = folders

    def process(self, element: tuple[str, Iterable[tuple[str, dict[str, int]]]]) -> None:
        split, files = element
        path = posixpath.join(self._folders[split], RECORD_COUNTS_FILE)
        whole_files.write_json(path, dict(sorted(files)))


def _convicted(joined: dict[str, Any], kind: str) -> np.ndarray:
    return np.concatenate([np.empty((0, 2), np.uint64), *(keys for of, keys in joined[CONVICTED] if of == kind)])


def _count(verdict: Verdict, split: str, name: str, captions: Sequence[str], payload: bytes, counts: Counts) -> None:
    counts.read[split, IMAGES] += 1
    counts.read[split, CAPTIONS] += len(captions)
    if verdict.image:
        rule, detail = verdict.image.rule, verdict.image.detail
        counts.drop(
            split, IMAGES, rule, name, detail, functools.partial(_preview, captions[0] if captions else "", payload)
        )
        if not verdict.captions:  # a rule on images took them along
            counts.dropped[split, CAPTIONS, rule] += len(captions)
    else:
        counts.kept[split, IMAGES] += 1
    for text, dropped in zip(captions, verdict.captions, strict=False):
        if dropped:
            counts.drop(split, CAPTIONS, dropped.rule, name, dropped.detail, functools.partial(_preview, text, payload))
        else:
            counts.kept[split, CAPTIONS] += 1


def _preview(caption: str, payload: bytes) -> Preview:
    features = Example.FromString(payload).features.feature
    return Preview(caption, thumbnail(features[schema.IMAGE_ENCODED].bytes_list.value[0]))


def _kept(payload: bytes, verdict: Verdict) -> bytes:
    """Returns the serialized Example without its dropped captions."""
    return _with_captions(payload, [not dropped for dropped in verdict.captions]).SerializeToString(deterministic=True)


def _rejected(payload: bytes, verdict: Verdict) -> bytes:
    """Returns the serialized Example with its dropped captions alone, and why they were."""
    example = Example.FromString(payload)
    number = len(example.features.feature[schema.CAPTION_TEXT].bytes_list.value)
    drops: list[Drop | None] = list(verdict.captions or (verdict.image,) * number)
    example = _with_captions(payload, [drop is not None for drop in drops])
    for drop in drops:
        if drop:
            example.features.feature[schema.DROP_RULE].bytes_list.value.append(drop.rule.encode())
            example.features.feature[schema.DROP_DETAIL].bytes_list.value.append(drop.detail.encode())
    return example.SerializeToString(deterministic=True)


def _with_captions(payload: bytes, chosen: list[bool]) -> Example:
    example = Example.FromString(payload)
    for name in (schema.CAPTION_TEXT, schema.CAPTION_LANGUAGE):
        values = example.features.feature[name].bytes_list.value
        values[:] = [value for value, is_chosen in zip(values, chosen, strict=False) if is_chosen]
    return example
