"""What a Hugging Face AlignProcessor does to images and texts, held to what our own preprocessing and tokenizer do.

Fields that are left out have the defaults of transformers' EfficientNetImageProcessor and BertTokenizer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.hugging_face.files import read_json

IMAGE_FILE, PROCESSOR_FILE = "preprocessor_config.json", "processor_config.json"
VOCABULARY_FILE, TOKENIZER_FILE, TOKENIZER_CONFIG_FILE = "vocab.txt", "tokenizer.json", "tokenizer_config.json"
ADDED_FILE = "added_tokens.json"
BILINEAR = 2  # Pillow's number
IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
MAX_WORD_CHARACTERS = 100
IMAGE_PROCESSORS = ("EfficientNetImageProcessor", "EfficientNetImageProcessorFast", "EfficientNetImageProcessorPil")
TOKENIZERS = ("BertTokenizer", "BertTokenizerFast", None)
RESERVED = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_NAMES = {"image_processor_type", "feature_extractor_type", "processor_class"}  # fields that change no pixel


def image_sizes(directory: Path) -> tuple[int, int]:
    """Read the image processor's config.

    Args:
      directory: an AlignModel's; the config is part of the processor's or a file of its own.

    Returns:
      The pixels to which images are resized and cropped, as `models.images.preprocessing` does it.

    Raises:
      ValueError: where there is none, or it does something else, naming the field.
    """
    configs = _image_configs(directory)
    if not configs:
        raise ValueError(f"{directory} lacks {IMAGE_FILE}, which says how its images are made; copy it there")
    name, config = next(iter(configs.items()))
    for field, default, expected in (("do_resize", True, True), ("resample", 3, BILINEAR), ("do_rescale", True, True)):
        _check(name, field, config.get(field, default), expected)
    kind = config.get("image_processor_type", IMAGE_PROCESSORS[0])
    if kind not in IMAGE_PROCESSORS:
        raise _refusal(name, "image_processor_type", kind, f"must be {IMAGE_PROCESSORS[0]!r}")
    _check_range(name, config)
    resize = _side(name, "size", config.get("size", 346))
    if not config.get("do_center_crop", False):
        return resize, resize
    crop = _side(name, "crop_size", config.get("crop_size", 289))
    if crop > resize:
        raise _refusal(name, "crop_size", crop, f"must be {resize} or less, the side of the resized image")
    return resize, crop


def differences(directory: Path) -> list[str]:
    """Returns a sentence for each file about images that is not taken and says something else than the one that is."""
    (taken, config), *others = _image_configs(directory).items()
    said = []
    for name, other in others:
        fields = sorted(field for field in {*config, *other} - _NAMES if config.get(field) != other.get(field))
        if fields:
            said.append(
                f"{taken} is taken, as by transformers 5; {name}, which transformers 4 takes, has another "
                f"{', '.join(fields)}"
            )
    return said


def _image_configs(directory: Path) -> dict[str, Mapping[str, Any]]:
    """Returns file name -> the image processor's config in it, in the order in which transformers 5 takes them."""
    found: dict[str, Mapping[str, Any]] = {}
    if (directory / PROCESSOR_FILE).is_file():
        nested = read_json(directory / PROCESSOR_FILE).get("image_processor")
        if isinstance(nested, Mapping):
            found[PROCESSOR_FILE] = nested
    if (directory / IMAGE_FILE).is_file():
        found[IMAGE_FILE] = read_json(directory / IMAGE_FILE)
    return found


def image_config(resize_px: int, crop_px: int) -> dict[str, Any]:
    """Returns the image processor's config that does what ours does, as kakaobrain/align-base has it."""
    return {
        "image_processor_type": IMAGE_PROCESSORS[0],
        "do_resize": True,
        "size": {"height": resize_px, "width": resize_px},
        "resample": BILINEAR,
        "do_center_crop": True,
        "crop_size": {"height": crop_px, "width": crop_px},
        "do_rescale": True,
        "rescale_factor": 1 / 127.5,
        "rescale_offset": True,
        "do_normalize": False,
        "include_top": False,
        "image_mean": IMAGENET_MEAN,
        "image_std": IMAGENET_STD,
    }


def _check_range(name: str, config: Mapping[str, Any]) -> None:
    """Raise ValueError where bytes from 0 to 255 do not become numbers from -1 to 1 in all channels."""
    factor = config.get("rescale_factor", 1 / 255)
    mean, std = config.get("image_mean") or [0.5] * 3, config.get("image_std") or [0.5] * 3
    for channel in range(3):
        ends = [value * factor - bool(config.get("rescale_offset", False)) for value in (0, 255)]
        if config.get("do_normalize", True):
            ends = [(end - mean[channel]) / std[channel] for end in ends]
        if config.get("include_top", True):
            ends = [end / std[channel] for end in ends]
        if not all(math.isclose(end, wanted, abs_tol=1e-6) for end, wanted in zip(ends, (-1, 1), strict=True)):
            fields = ("rescale_factor", "rescale_offset", "do_normalize", "include_top")
            said = ", ".join(f"{field} = {config.get(field)!r}" for field in fields)
            raise ValueError(
                f"{name} has {said}, by which pixels run from {ends[0]:.4g} to {ends[1]:.4g}; ours run from -1 to 1: "
                "rescale_factor 1/127.5, rescale_offset true, do_normalize false, include_top false"
            )


def read_pieces(directory: Path) -> list[str]:
    """Read the vocabulary in order of id.

    Args:
      directory: an AlignModel's, with vocab.txt, tokenizer.json or both.

    Raises:
      ValueError: where there is none, both differ, or the tokenizer is not BERT's for lower case, naming the field.
    """
    if (directory / TOKENIZER_CONFIG_FILE).is_file():
        config = read_json(directory / TOKENIZER_CONFIG_FILE)
        kind = config.get("tokenizer_class")
        if kind not in TOKENIZERS:
            raise _refusal(TOKENIZER_CONFIG_FILE, "tokenizer_class", kind, f"must be {TOKENIZERS[0]!r}")
        for field, expected in (
            ("do_lower_case", True),
            ("tokenize_chinese_chars", True),
            ("do_basic_tokenize", True),
            ("padding_side", "right"),
            ("truncation_side", "right"),
        ):
            _check(TOKENIZER_CONFIG_FILE, field, config.get(field, expected), expected)
        if config.get("strip_accents") is False:
            raise _refusal(TOKENIZER_CONFIG_FILE, "strip_accents", False, "must be null or true")
        added = (config.get("added_tokens_decoder") or {}).values()
        _check_added(TOKENIZER_CONFIG_FILE, "added_tokens_decoder", [token.get("content") for token in added])
    if (directory / ADDED_FILE).is_file():
        _check_added(ADDED_FILE, "the keys", list(read_json(directory / ADDED_FILE)))
    listed, fast = directory / VOCABULARY_FILE, directory / TOKENIZER_FILE
    pieces = None
    if listed.is_file():
        pieces = [
            line.removesuffix("\r") for line in listed.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
        ]
    if fast.is_file():
        of_fast = _pieces_of_fast(read_json(fast))
        if pieces is not None and pieces != of_fast:
            raise ValueError(
                f"{listed} and {TOKENIZER_FILE} beside it hold different pieces ({len(pieces)} and {len(of_fast)}); "
                "delete the one that the model was not trained with"
            )
        pieces = of_fast
    if pieces is None:
        raise ValueError(f"{directory} has neither {VOCABULARY_FILE} nor {TOKENIZER_FILE}; copy its vocabulary there")
    return pieces


def tokenizer_config(max_pieces: int) -> dict[str, Any]:
    """Returns the config of a BertTokenizer that does what ours does."""
    return {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "strip_accents": None,
        "tokenize_chinese_chars": True,
        "model_max_length": max_pieces,
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    }


def _pieces_of_fast(config: Mapping[str, Any]) -> list[str]:
    """Returns the pieces of a tokenizer.json in order of id; raises ValueError where it is not BERT's."""
    model, normalizer = config.get("model") or {}, config.get("normalizer") or {}
    for section, field, value, expected in (
        ("model", "type", model.get("type"), "WordPiece"),
        ("model", "continuing_subword_prefix", model.get("continuing_subword_prefix", "##"), "##"),
        ("model", "max_input_chars_per_word", model.get("max_input_chars_per_word", 100), MAX_WORD_CHARACTERS),
        ("normalizer", "type", normalizer.get("type"), "BertNormalizer"),
        ("normalizer", "clean_text", normalizer.get("clean_text", True), True),
        ("normalizer", "handle_chinese_chars", normalizer.get("handle_chinese_chars", True), True),
        ("normalizer", "lowercase", normalizer.get("lowercase", True), True),
    ):
        _check(TOKENIZER_FILE, f"{section}.{field}", value, expected)
    added = [token.get("content") for token in config.get("added_tokens") or []]
    _check_added(TOKENIZER_FILE, "added_tokens", added)
    for section in ("padding", "truncation"):
        _check(TOKENIZER_FILE, f"{section}.direction", (config.get(section) or {}).get("direction", "Right"), "Right")
    if normalizer.get("strip_accents") is False:
        raise _refusal(TOKENIZER_FILE, "normalizer.strip_accents", False, "must be null or true")
    ids = dict(model.get("vocab", {}))
    if sorted(ids.values()) != list(range(len(ids))):
        raise _refusal(TOKENIZER_FILE, "model.vocab", f"{len(ids)} pieces", "must number them from 0 without a gap")
    return sorted(ids, key=ids.__getitem__)


def _check_added(name: str, field: str, tokens: Sequence[str]) -> None:
    """Raise ValueError where a token is cut out of captions before BERT's tokenizer sees them, which ours does not."""
    others = [token for token in tokens if token not in RESERVED]
    if others:
        raise _refusal(name, field, others[0], f"must hold no other tokens than {', '.join(RESERVED)}")


def _side(name: str, field: str, value: Any) -> int:
    """Returns the side of a square size, which is a number or a mapping."""
    if isinstance(value, Mapping):
        sides = {value.get("height"), value.get("width")}
        if len(sides) != 1 or None in sides:
            raise _refusal(name, field, dict(value), "must have a height and a width that are equal")
        (value,) = sides
    if not isinstance(value, int) or value < 1:
        raise _refusal(name, field, value, "must be pixels, 1 or more")
    return value


def _check(name: str, field: str, value: Any, expected: Any) -> None:
    if value != expected:
        raise _refusal(name, field, value, f"must be {expected!r}, as in our preprocessing")


def _refusal(name: str, field: str, value: Any, remedy: str) -> ValueError:
    return ValueError(f"{name} has {field} = {value!r}; it {remedy}")
