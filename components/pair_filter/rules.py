"""The filter's rules: small pure functions, each with the sentence of the paper that it stands for.

What they mean together, written down once:

- Order. Rules are applied in the order of RULES: first those on images, then those on the captions of an image that is
  left. The first rule that an image or a caption breaks is the one that drops it.
- Removal. A rule on images drops the image with all of its captions, which are counted under that rule. A rule on
  captions drops one caption; an image that loses its last caption that way is dropped as no_caption_left.
- Counting. `captions_per_image` and `images_per_caption` count over the raw pairs of the train split, before any rule.
  A pair is counted once however often it is repeated: an image is its bytes (schema.IMAGE_SHA256), a caption its text
  with case and white space made alike (`same_caption`). Each other split that is filtered is held to the train split's
  counts and adds nothing to them.
- Evaluation images. An image is compared by its decoded pixels with the images of all splits but "train", as they were
  ingested. Only images of "train" are dropped for it, and only those that pass by their size are decoded.
- Words. A word (the paper's unigram) is a run of letters, digits and underscores, `\\w+` in Python's Unicode sense. A
  script that puts no blanks between words counts as one word per run, and one that writes vowels as combining marks
  counts as more words than it has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from components.pair_filter.config import FilterConfig

_WORD = re.compile(r"\w+")
_SECTION_3 = "ALIGN section 3, arXiv:2102.05918"


@dataclass(frozen=True)
class ImageFacts:
    """What rules look at in an image.

    Attributes:
      width, height: pixels.
      has_too_many_captions: more than `max_captions_per_image` different captions in the train split.
      shows_evaluation_image: its pixels are those of an image of a split that is not for training.
    """

    width: int
    height: int
    has_too_many_captions: bool = False
    shows_evaluation_image: bool = False


@dataclass(frozen=True)
class CaptionFacts:
    """What rules look at in a caption.

    Attributes:
      text: the caption.
      has_too_many_images: more than `max_images_per_caption` different images of the train split carry it.
    """

    text: str
    has_too_many_images: bool = False


def shorter_side(image: ImageFacts, config: FilterConfig) -> str:
    """Drop an image whose shorter side is not above the threshold."""
    if min(image.width, image.height) > config.shorter_side_above_px:
        return ""
    return f"{image.width} x {image.height} px"


def aspect_ratio(image: ImageFacts, config: FilterConfig) -> str:
    """Drop an image whose longer side exceeds `max_aspect_ratio` times its shorter side."""
    longer, shorter = max(image.width, image.height), min(image.width, image.height)
    return "" if longer <= config.max_aspect_ratio * shorter else f"{image.width} x {image.height} px"


def captions_per_image(image: ImageFacts, config: FilterConfig) -> str:
    """Drop an image with too many captions: more often a site's logo than what each text is about."""
    return f"more than {config.max_captions_per_image} captions" if image.has_too_many_captions else ""


def evaluation_image(image: ImageFacts, config: FilterConfig) -> str:
    """Drop a training image that is judged on (the paper's appendix A; we find exact duplicates of the pixels only)."""
    dropped = config.drop_evaluation_images and image.shows_evaluation_image
    return f"{image.width} x {image.height} px, pixel for pixel an evaluation image" if dropped else ""


def images_per_caption(caption: CaptionFacts, config: FilterConfig) -> str:
    """Drop a caption that too many images share ("1920x1080", "stock photo"): it describes none of them."""
    shared = caption.has_too_many_images
    return f"{caption.text!r} on more than {config.max_images_per_caption} images" if shared else ""


def too_few_words(caption: CaptionFacts, config: FilterConfig) -> str:
    """Drop a caption of fewer words than `min_words`."""
    words = count_words(caption.text)
    return "" if words >= config.min_words else f"{caption.text!r} has {words} words"


def too_many_words(caption: CaptionFacts, config: FilterConfig) -> str:
    """Drop a caption of more words than `max_words`."""
    words = count_words(caption.text)
    return "" if words <= config.max_words else f"{caption.text!r} has {words} words"


@dataclass(frozen=True)
class Rule:
    """A rule with its place in the config.

    Attributes:
      broken: returns what breaks the rule, or "" where nothing does; its name is the rule's name.
      drops: "image" or "caption".
      field: the field of FilterConfig that holds the threshold; "" where there is none to set.
      source: where the rule comes from.
    """

    broken: Callable[[Any, FilterConfig], str]
    drops: str
    field: str
    source: str

    @property
    def name(self) -> str:
        """The name under which drops are counted."""
        return self.broken.__name__

    def describe(self, config: FilterConfig) -> dict:
        """Returns the rule's entry in the report."""
        return {
            "name": self.name,
            "drops": self.drops,
            "threshold": getattr(config, self.field),
            "source": self.source,
        }


IMAGE_RULES = (
    Rule(shorter_side, "image", "shorter_side_above_px", _SECTION_3),
    Rule(aspect_ratio, "image", "max_aspect_ratio", _SECTION_3),
    Rule(captions_per_image, "image", "max_captions_per_image", _SECTION_3),
    Rule(evaluation_image, "image", "drop_evaluation_images", "ALIGN appendix A, arXiv:2102.05918; exact copies only"),
)
CAPTION_RULES = (
    Rule(images_per_caption, "caption", "max_images_per_caption", _SECTION_3),
    Rule(too_few_words, "caption", "min_words", _SECTION_3),
    Rule(too_many_words, "caption", "max_words", _SECTION_3),
)
RULES = IMAGE_RULES + CAPTION_RULES
NO_CAPTION_LEFT = "no_caption_left"


@dataclass(frozen=True)
class Drop:
    """Why something was dropped: the rule's name and what broke it."""

    rule: str
    detail: str


@dataclass(frozen=True)
class Verdict:
    """What becomes of an image and its captions.

    Attributes:
      image: why the image is dropped, or None.
      captions: for each caption why it is dropped, or None; empty where a rule on images dropped the image.
    """

    image: Drop | None
    captions: tuple[Drop | None, ...] = ()


def judge(image: ImageFacts, captions: Sequence[CaptionFacts], config: FilterConfig) -> Verdict:
    """Apply all rules in order to one image and its captions."""
    dropped = _first_broken(IMAGE_RULES, image, config)
    if dropped:
        return Verdict(dropped)
    verdicts = tuple(_first_broken(CAPTION_RULES, caption, config) for caption in captions)
    if all(verdicts):
        return Verdict(Drop(NO_CAPTION_LEFT, f"all of its {len(verdicts)} captions were dropped"), verdicts)
    return Verdict(None, verdicts)


def describe_rules(config: FilterConfig) -> list[dict]:
    """Returns the rules in the order in which they are applied, as the report lists them."""
    last = {"name": NO_CAPTION_LEFT, "drops": "image", "threshold": 1, "source": "follows from the rules on captions"}
    return [*(rule.describe(config) for rule in RULES), last]


def passes_by_size(image: ImageFacts, config: FilterConfig) -> bool:
    """Returns whether the two rules that need nothing but the size keep an image."""
    return not shorter_side(image, config) and not aspect_ratio(image, config)


def count_words(text: str) -> int:
    """Returns the number of words, as the module's docstring defines them."""
    return len(_WORD.findall(text))


def same_caption(text: str) -> str:
    """Returns the form in which captions are compared: case folded, runs of white space one blank."""
    return " ".join(text.casefold().split())


def _first_broken(rules: Sequence[Rule], facts: ImageFacts | CaptionFacts, config: FilterConfig) -> Drop | None:
    for rule in rules:
        if detail := rule.broken(facts, config):
            return Drop(rule.name, detail)
    return None
