"""The filter again, plain and slow: one process, the whole corpus in memory, every image compared with every other.

Written from the meaning of the rules (components/pair_filter/judging/rules.py says it in its docstring), not from the
component's code. What a word is, when captions are the same and what an image shows are definitions, so they are used
as they are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components.image_fingerprint import Fingerprint
from components.pair_filter.config import FilterConfig
from components.pair_filter.copies.fingerprint import fingerprint
from components.pair_filter.counting.words import split_words
from components.pair_filter.judging.rules import same_caption

TRAIN = "train"
READ, KEPT = "read", "kept"


@dataclass(frozen=True)
class Record:
    """What is known of one Example; `shows` is the fingerprint of its image."""

    name: str
    split: str
    sha256: str
    width: int
    height: int
    captions: tuple[str, ...]
    shows: Fingerprint


@dataclass
class Outcome:
    """What a filter did.

    Attributes:
      kept: split -> (record's name, its captions that are left), in the order of the input.
      counts: (split, "images" or "captions", "read", "kept" or the rule that dropped) -> number.
    """

    kept: dict[str, list[tuple[str, tuple[str, ...]]]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def read_records(folder: Path, splits: Sequence[str]) -> Iterator[Record]:
    """Yield the records of an Examples artifact, split by split, each split's files by name."""
    import tensorflow as tf

    from components import schema

    for split in splits:
        for path in sorted((folder / f"Split-{split}").glob("*.gz")):
            for payload in tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator():
                features = tf.train.Example.FromString(payload).features.feature
                yield Record(
                    name=features[schema.RECORD_NAME].bytes_list.value[0].decode(),
                    split=split,
                    sha256=features[schema.IMAGE_SHA256].bytes_list.value[0].decode(),
                    width=features[schema.IMAGE_WIDTH].int64_list.value[0],
                    height=features[schema.IMAGE_HEIGHT].int64_list.value[0],
                    captions=tuple(text.decode() for text in features[schema.CAPTION_TEXT].bytes_list.value),
                    shows=fingerprint(features[schema.IMAGE_ENCODED].bytes_list.value[0]),
                )


def filter_plainly(records: Iterable[Record], config: FilterConfig) -> Outcome:
    """Apply the rules; those that need a model are not among them."""
    corpus = list(records)
    train = [record for record in corpus if record.split == TRAIN]

    captions_of: dict[str, set[str]] = defaultdict(set)  # an image's different captions
    images_of: dict[str, set[str]] = defaultdict(set)  # a caption's different images
    for record in train:
        for text in record.captions:
            captions_of[record.sha256].add(same_caption(text))
            images_of[same_caption(text)].add(record.sha256)
    frequent = frequent_ngrams(train, config.frequent_ngrams)
    judged_on = {record.shows for record in corpus if record.split != TRAIN} if config.drop_evaluation_images else set()

    outcome = Outcome()
    for record in corpus:
        count = _Counting(outcome.counts, record)
        count.images(READ)
        count.captions(READ, len(record.captions))
        left = record.captions
        if record.split in config.splits:
            if rule := _image_rule(record, config, captions_of, judged_on):
                count.images(rule)
                count.captions(rule, len(record.captions))
                continue
            left = ()
            for text in record.captions:
                if rule := _caption_rule(text, config, images_of, frequent):
                    count.captions(rule, 1)
                else:
                    left += (text,)
        count.captions(KEPT, len(left))
        count.images(KEPT if left else "no_caption_left")
        if left:
            outcome.kept[record.split].append((record.name, left))
    return outcome


def frequent_ngrams(train: Iterable[Record], places: int | None) -> set[str] | None:
    """Returns the unigrams and bigrams that are not rare, or None where no rule asks."""
    if places is None:
        return None
    counts: Counter[str] = Counter()
    for record in train:
        for text in record.captions:
            counts.update(ngrams(text))
    ranked = counts.most_common()
    if len(ranked) <= places:
        return set(counts)
    at_last_place = ranked[places - 1][1]
    return {ngram for ngram, number in ranked if number >= at_last_place}


def ngrams(text: str) -> list[str]:
    """Returns a caption's words, and its pairs of neighbouring words."""
    words = split_words(text)
    return words + [f"{words[place]} {words[place + 1]}" for place in range(len(words) - 1)]


def _image_rule(
    record: Record, config: FilterConfig, captions_of: dict[str, set[str]], judged_on: set[Fingerprint]
) -> str:
    shorter, longer = sorted((record.width, record.height))
    if shorter <= config.shorter_side_above_px:
        return "shorter_side"
    if longer > config.max_aspect_ratio * shorter:
        return "aspect_ratio"
    if len(captions_of[record.sha256]) > config.max_captions_per_image:
        return "captions_per_image"
    if record.split == TRAIN and any(is_copy(record.shows, of, config.max_hash_distance) for of in judged_on):
        return "evaluation_image"
    return ""


def is_copy(one: Fingerprint, other: Fingerprint, max_distance: int | None) -> bool:
    """Returns whether two images show the same, or nearly so."""
    if one.pixels == other.pixels:
        return True
    if max_distance is None or one.perceptual is None or other.perceptual is None:
        return False
    return bin(one.perceptual ^ other.perceptual).count("1") <= max_distance


def _caption_rule(text: str, config: FilterConfig, images_of: dict[str, set[str]], frequent: set[str] | None) -> str:
    if len(images_of[same_caption(text)]) > config.max_images_per_caption:
        return "images_per_caption"
    if len(split_words(text)) < config.min_words:
        return "too_few_words"
    if len(split_words(text)) > config.max_words:
        return "too_many_words"
    if frequent is not None and not all(ngram in frequent for ngram in ngrams(text)):
        return "rare_ngram"
    return ""


@dataclass(frozen=True)
class _Counting:
    counts: Counter
    record: Record

    def images(self, fate: str) -> None:
        self.counts[self.record.split, "images", fate] += 1

    def captions(self, fate: str, number: int) -> None:
        if number:
            self.counts[self.record.split, "captions", fate] += number
