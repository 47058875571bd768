"""Last pass of the filter: each file is judged, then read again, and what is kept, dropped and counted is written."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf

from components import example_files, schema
from components.counts import CAPTIONS, IMAGES, Counts, Picture
from components.pair_filter.config import FilterConfig
from components.pair_filter.describe_pass import read_captions, read_records
from components.pair_filter.evaluation_images import EvaluationImages
from components.pair_filter.evidence import is_in
from components.pair_filter.evidence_pass import CAPTION, IMAGE
from components.pair_filter.facts import FileFacts
from components.pair_filter.judge import Findings, judge_file
from components.pair_filter.rules import Drop, Verdict
from components.pair_filter.tasks import FileTask
from components.pair_filter.thumbnail import thumbnail

FILES, CONVICTED, RARE, SCORES, NEIGHBOURS = "files", "convicted", "rare", "scores", "neighbours"
Write = Callable[[bytes], None]


class FilterFile(beam.DoFn):
    """(file, its task and all that was found about it) -> its counts; writes what is kept, and what is not."""

    def __init__(self, config: FilterConfig, aside: str) -> None:
        self._config = config
        self._aside = aside

    def process(self, element: tuple[int, dict[str, Any]], evaluation: EvaluationImages) -> Iterator[Counts]:
        _, joined = element
        (task,) = joined[FILES]
        counts = Counts()
        if task.split not in self._config.splits:
            _pass_whole(task, self._aside, counts)
        else:
            facts = FileFacts.read(read_records(task), read_captions(task))
            verdicts = judge_file(facts, self._findings(task, facts, joined, evaluation), self._config)
            self._write(task, facts, verdicts, counts)
            counts.develop()
        yield counts

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

    def _write(self, task: FileTask, facts: FileFacts, verdicts: Iterator[Verdict], counts: Counts) -> None:
        with contextlib.ExitStack() as files:
            keep = files.enter_context(example_files.writing(task.target, self._aside))
            reject = files.enter_context(example_files.writing(task.rejects, self._aside)) if task.rejects else None
            payloads = example_files.read_payloads(task.source)
            for row, (verdict, payload) in enumerate(zip(verdicts, payloads, strict=True)):
                captions = facts.text[facts.first[row] : facts.first[row + 1]]
                _count(verdict, task.split, facts.name[row], captions, payload, counts)
                if not verdict.image and not any(verdict.captions):
                    keep(payload)
                    continue
                if not verdict.image:
                    keep(_kept(payload, verdict))
                if reject:
                    reject(_rejected(payload, verdict))


def _pass_whole(task: FileTask, aside: str, counts: Counts) -> None:
    """Copy a file of a split that is not filtered."""
    records = read_records(task)
    example_files.copy(task.source, task.target, aside)
    for fate in (counts.read, counts.kept):
        fate[task.split, IMAGES] += len(records)
        fate[task.split, CAPTIONS] += int(records.numbers("captions").sum())


def _convicted(joined: dict[str, Any], kind: str) -> np.ndarray:
    return np.concatenate([np.empty((0, 2), np.uint64), *(keys for of, keys in joined[CONVICTED] if of == kind)])


def _count(verdict: Verdict, split: str, name: str, captions: Sequence[str], payload: bytes, counts: Counts) -> None:
    counts.read[split, IMAGES] += 1
    counts.read[split, CAPTIONS] += len(captions)
    if verdict.image:
        rule, detail = verdict.image.rule, verdict.image.detail
        counts.drop(
            split, IMAGES, rule, name, detail, functools.partial(_picture, captions[0] if captions else "", payload)
        )
        if not verdict.captions:  # a rule on images took them along
            counts.dropped[split, CAPTIONS, rule] += len(captions)
    else:
        counts.kept[split, IMAGES] += 1
    for text, dropped in zip(captions, verdict.captions, strict=False):
        if dropped:
            counts.drop(split, CAPTIONS, dropped.rule, name, dropped.detail, functools.partial(_picture, text, payload))
        else:
            counts.kept[split, CAPTIONS] += 1


def _picture(caption: str, payload: bytes) -> Picture:
    features = tf.train.Example.FromString(payload).features.feature
    return Picture(caption, thumbnail(features[schema.IMAGE_ENCODED].bytes_list.value[0]))


def _kept(payload: bytes, verdict: Verdict) -> bytes:
    """Returns the serialized Example without its dropped captions."""
    return _with_captions(payload, [not dropped for dropped in verdict.captions]).SerializeToString(deterministic=True)


def _rejected(payload: bytes, verdict: Verdict) -> bytes:
    """Returns the serialized Example with its dropped captions alone, and why they were."""
    example = tf.train.Example.FromString(payload)
    number = len(example.features.feature[schema.CAPTION_TEXT].bytes_list.value)
    drops: list[Drop | None] = list(verdict.captions or (verdict.image,) * number)
    example = _with_captions(payload, [drop is not None for drop in drops])
    for drop in drops:
        if drop:
            example.features.feature[schema.DROP_RULE].bytes_list.value.append(drop.rule.encode())
            example.features.feature[schema.DROP_DETAIL].bytes_list.value.append(drop.detail.encode())
    return example.SerializeToString(deterministic=True)


def _with_captions(payload: bytes, chosen: list[bool]) -> tf.train.Example:
    example = tf.train.Example.FromString(payload)
    for name in (schema.CAPTION_TEXT, schema.CAPTION_LANGUAGE):
        values = example.features.feature[name].bytes_list.value
        values[:] = [value for value, is_chosen in zip(values, chosen, strict=False) if is_chosen]
    return example
