"""Which pairs PairFilter drops: the `filter` section of a config, with the paper's values as defaults."""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass

from components.config_fields import build_fields, refuse_unless
from components.pair_filter.model_config import ImageModelConfig, NeighbourConfig, UnsafeConfig

MAX_HASH_DISTANCE = 15  # bits: unrelated images differ in about 31, and each bit more is a band more of hash_index.py


@dataclass(frozen=True)
class FilterConfig:
    """Thresholds of the filter's rules, whose meaning rules.py states; defaults are ALIGN section 3, arXiv:2102.05918.

    Attributes:
      splits: splits that are filtered; the others pass whole. Counts over the data come from "train" alone.
      shorter_side_above_px: an image is kept when its shorter side is above this, in pixels. [px; ALIGN section 3]
      max_aspect_ratio: an image is kept when longer side / shorter side is at most this; null turns the rule off, as
        for every maximum here. [ratio; ALIGN section 3]
      max_captions_per_image: an image (by its bytes) with more captions than this is dropped.
        [captions; ALIGN section 3]
      drop_evaluation_images: drop from "train" each image that copies one of any other split or evaluation set.
      max_hash_distance: bits, of 63, by which the perceptual hashes of an image and its near-duplicate may differ; null
        where only exact copies are dropped. [bits; ours]
      neighbours: also drop what an embedding model takes for an evaluation image; null for no model.
      unsafe: a scorer of images and its threshold; null where images are not scored.
      max_images_per_caption: a caption shared by more different images than this is dropped. [images; ALIGN section 3]
      min_words: a caption with fewer words (unigrams) is dropped. [words; ALIGN section 3]
      max_words: a caption with more words (unigrams) is dropped. [words; ALIGN section 3]
      frequent_ngrams: a caption that holds a unigram or bigram outside so many most frequent ones of the raw train
        split is dropped; null turns the rule off. [n-grams; ALIGN section 3]
      ngram_false_positive_rate: null for exact; else the frequent n-grams travel to the workers as a Bloom filter,
        which takes a rare one for frequent at this rate, and never a frequent one for rare: no caption is dropped that
        the exact mode keeps, and one with a single rare n-gram is wrongly kept with at most this probability.
        [probability; ours]
      keep_rejects: write what is dropped, with the reasons, as a second data set.

    Examples:
      >>> FilterConfig(min_words=0)
      Traceback (most recent call last):
        ...
      ValueError: filter.min_words is 0; it must be 1 or more
    """

    splits: tuple[str, ...] = ("train",)
    shorter_side_above_px: int = 200
    max_aspect_ratio: float | None = 3.0
    max_captions_per_image: int | None = 1000
    drop_evaluation_images: bool = True
    max_hash_distance: int | None = 4
    neighbours: NeighbourConfig | None = None
    unsafe: UnsafeConfig | None = None
    max_images_per_caption: int | None = 10
    min_words: int = 3
    max_words: int | None = 20
    frequent_ngrams: int | None = 100_000_000
    ngram_false_positive_rate: float | None = None
    keep_rejects: bool = False

    def __post_init__(self) -> None:
        must = functools.partial(refuse_unless, self, "filter")
        must(lambda n: n >= 0, "0 or more", "shorter_side_above_px")
        limits = ("max_aspect_ratio", "max_captions_per_image", "max_images_per_caption")
        must(lambda n: n >= 1, "1 or more, or null", *limits)
        must(lambda n: n >= 1, "1 or more", "min_words")
        must(lambda n: n >= 1, "1 or more, or null to keep rare words", "frequent_ngrams")
        rate = "above 0 and below 1, such as 0.001, or null for exact"
        must(lambda n: 0 < n < 1, rate, "ngram_false_positive_rate")
        apart = "since unrelated images differ in about 31 bits, or null for exact copies only"
        must(lambda n: 0 <= n <= MAX_HASH_DISTANCE, f"from 0 to {MAX_HASH_DISTANCE}, {apart}", "max_hash_distance")
        if self.max_words is not None and self.max_words < self.min_words:
            raise ValueError(
                f"filter.max_words is {self.max_words}, below filter.min_words = {self.min_words}; "
                "no caption could pass"
            )
        if self.neighbours is not None and not self.drop_evaluation_images:
            raise ValueError(
                "filter.neighbours is set but filter.drop_evaluation_images is false; set it to true or leave "
                "neighbours out"
            )

    @property
    def compares_images(self) -> bool:
        """Whether training images are compared with evaluation images."""
        return self.drop_evaluation_images and "train" in self.splits

    @property
    def models(self) -> tuple[ImageModelConfig, ...]:
        """The models that are asked about images."""
        return tuple(of.model for of in (self.unsafe, self.neighbours) if of is not None)

    def to_json(self) -> str:
        """Returns the config as text, which the component's cache depends on."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> FilterConfig:
        """Returns the config that `to_json` wrote."""
        return build_fields(cls, json.loads(text), "filter")
