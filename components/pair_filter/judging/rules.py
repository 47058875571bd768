"""The filter's rules: small pure functions, each with the sentence of the paper that it stands for.

What they mean together, written down once:

- Order. Rules are applied in the order of RULES: first those on images, then those on the captions of an image that is
  left. The first rule that an image or a caption breaks is the one that drops it.
- Removal. A rule on images drops the image with all of its captions, which are counted under that rule. A rule on
  captions drops one caption; an image that loses its last caption that way is dropped as no_caption_left.
- Counting. Whatever needs the whole corpus is counted over the raw pairs of the train split, before any rule.
  `captions_per_image` and `images_per_caption` count a pair once however often it is repeated: an image is its bytes
  (schema.IMAGE_SHA256), a caption its text with case and white space made alike (`same_caption`). `rare_ngram` counts
  each caption as often as it occurs. Each other split that is filtered is held to the train split's counts and adds
  nothing to them.
- Words. A word (the paper's unigram) is what ICU's word boundaries enclose, see words.py: `count_words` is what the two
  rules on length compare, and words and pairs of neighbouring words are the n-grams of `rare_ngram`.
- Rank. The `frequent_ngrams` most frequent unigrams and bigrams stand in one ranking; where several are seen equally
  often at its last place all of them are in. Fewer n-grams than places: none is rare.
- Evaluation images. An image is compared with the images of all splits but "train" and of all evaluation sets, as they
  were ingested. Only images of "train" are dropped for it, and only those that pass by their size are compared. An
  image is a copy where both decode to the same pixels at 32 x 32 and have the same size, or where their perceptual
  hashes differ in at most `max_hash_distance` bits (fingerprint.py); with `neighbours`, also where an embedding model
  finds them alike (neighbours.py).
- Unsafe images. Off unless a scorer is configured. An image that the scorer could not decode is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from components.pair_filter.config import FilterConfig

_SECTION_3 = "ALIGN section 3, arXiv:2102.05918"
_APPENDIX_A = "ALIGN appendix A, arXiv:2102.05918"


class ImageFacts(NamedTuple):
    """What rules look at in an image.

    Attributes:
      width, height: pixels.
      has_too_many_captions: more than `max_captions_per_image` different captions in the train split.
      copy_of: the evaluation image that it copies and how near it is, in words; "" for none.
      neighbour_of: the same by an embedding model.
      unsafe_score: what the scorer says, or None where there is no scorer or it could not decode the image.
    """

    width: int
    height: int
    has_too_many_captions: bool = False
    copy_of: str = ""
    neighbour_of: str = ""
    unsafe_score: float | None = None


class CaptionFacts(NamedTuple):
    """What rules look at in a caption.

    Attributes:
      text: the caption.
      words: number of its words.
      has_too_many_images: more than `max_images_per_caption` different images of the train split carry it.
      rare_ngram: one of its unigrams and bigrams that is not among the most frequent; "" for none.
    """

    text: str
    words: int
    has_too_many_images: bool = False
    rare_ngram: str = ""


def shorter_side(image: ImageFacts, config: FilterConfig) -> str:
    """Drop an image whose shorter side is not above the threshold."""
    if min(image.width, image.height) > config.shorter_side_above_px:
        return ""
    return f"{image.width} x {image.height} px"


def aspect_ratio(image: ImageFacts, config: FilterConfig) -> str:
    """Drop an image whose longer side exceeds `max_aspect_ratio` times its shorter side."""
    longer, shorter = max(image.width, image.height), min(image.width, image.height)
    if config.max_aspect_ratio is None or longer <= config.max_aspect_ratio * shorter:
        return ""
    return f"{image.width} x {image.height} px"


def captions_per_image(image: ImageFacts, config: FilterConfig) -> str:
    """Drop an image with too many captions: more often a site's logo than what each text is about."""
    return f"more than {config.max_captions_per_image} captions" if image.has_too_many_captions else ""


def evaluation_image(image: ImageFacts, config: FilterConfig) -> str:
    """Drop a training image that is judged on, or a near-duplicate of one, by its pixels (the paper's appendix A)."""
    return image.copy_of


def evaluation_neighbour(image: ImageFacts, config: FilterConfig) -> str:
    """Drop a training image that an embedding model takes for one that is judged on (the paper's appendix A)."""
    return image.neighbour_of


def unsafe_image(image: ImageFacts, config: FilterConfig) -> str:
    """Drop an image that the scorer finds unsafe ("we remove pornographic images")."""
    score = image.unsafe_score
    if config.unsafe is None or score is None or score < config.unsafe.threshold:
        return ""
    return f"scores {score:.3f}"


def images_per_caption(caption: CaptionFacts, config: FilterConfig) -> str:
    """Drop a caption that too many images share ("1920x1080", "stock photo"): it describes none of them."""
    shared = caption.has_too_many_images
    return f"{caption.text!r} on more than {config.max_images_per_caption} images" if shared else ""


def too_few_words(caption: CaptionFacts, config: FilterConfig) -> str:
    """Drop a caption of fewer words than `min_words`."""
    return "" if caption.words >= config.min_words else f"{caption.text!r} has {caption.words} words"


def too_many_words(caption: CaptionFacts, config: FilterConfig) -> str:
    """Drop a caption of more words than `max_words`."""
    if config.max_words is None or caption.words <= config.max_words:
        return ""
    return f"{caption.text!r} has {caption.words} words"


def rare_ngram(caption: CaptionFacts, config: FilterConfig) -> str:
    """Drop a caption with a word or pair of words outside the most frequent ones: typing errors, codes, file names."""
    return f"{caption.text!r} has the rare {caption.rare_ngram!r}" if caption.rare_ngram else ""


OFF = "off"


@dataclass(frozen=True)
class Rule:
    """A rule with its place in the config.

    Attributes:
      broken: returns what breaks the rule, or "" where nothing does; its name is the rule's name.
      drops: "image" or "caption".
      field: the dotted field of FilterConfig that holds the threshold.
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

    def threshold(self, config: FilterConfig) -> float | str:
        """Returns the threshold, or OFF where the config has the rule off."""
        value: Any = config
        for name in self.field.split("."):
            value = getattr(value, name, None)
        return OFF if value is None or value is False else value

    def describe(self, config: FilterConfig) -> dict:
        """Returns the rule's entry in the report."""
        return {"name": self.name, "drops": self.drops, "threshold": self.threshold(config), "source": self.source}


IMAGE_RULES = (
    Rule(shorter_side, "image", "shorter_side_above_px", _SECTION_3),
    Rule(aspect_ratio, "image", "max_aspect_ratio", _SECTION_3),
    Rule(captions_per_image, "image", "max_captions_per_image", _SECTION_3),
    Rule(evaluation_image, "image", "drop_evaluation_images", _APPENDIX_A),
    Rule(evaluation_neighbour, "image", "neighbours.min_cosine", _APPENDIX_A),
    Rule(unsafe_image, "image", "unsafe.threshold", _SECTION_3),
)
CAPTION_RULES = (
    Rule(images_per_caption, "caption", "max_images_per_caption", _SECTION_3),
    Rule(too_few_words, "caption", "min_words", _SECTION_3),
    Rule(too_many_words, "caption", "max_words", _SECTION_3),
    Rule(rare_ngram, "caption", "frequent_ngrams", _SECTION_3),
)
RULES = IMAGE_RULES + CAPTION_RULES
NO_CAPTION_LEFT = "no_caption_left"


class Drop(NamedTuple):
    """Why something was dropped: the rule's name and what broke it."""

    rule: str
    detail: str


class Verdict(NamedTuple):
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


def same_caption(text: str) -> str:
    """Returns the form in which captions are compared: case folded, runs of white space one blank."""
    return " ".join(text.casefold().split())


def _first_broken(rules: Sequence[Rule], facts: ImageFacts | CaptionFacts, config: FilterConfig) -> Drop | None:
    for rule in rules:
        if detail := rule.broken(facts, config):
            return Drop(rule.name, detail)
    return None
