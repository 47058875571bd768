"""What is read of a Hugging Face processor, and each field by which one is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoImageProcessor, BertTokenizerFast

from models.hugging_face.processor import differences, image_sizes, read_pieces

FIXTURE = Path(__file__).parent / "fixture" / "model"


@pytest.fixture
def model(tmp_path) -> Path:
    """A copy of the processor's files that a test may change."""
    return Path(shutil.copytree(FIXTURE, tmp_path / "model", ignore=shutil.ignore_patterns("*.safetensors")))


def change(path: Path, section: str | None, field: str, value) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    (content[section] if section else content)[field] = value
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resample", 3),
        ("do_resize", False),
        ("do_rescale", False),
        ("rescale_offset", False),
        ("rescale_factor", 1 / 255),
        ("do_normalize", True),
        ("include_top", True),
        ("image_processor_type", "CLIPImageProcessor"),
        ("size", {"shortest_edge": 75}),
        ("size", {"height": 75, "width": 80}),
        ("crop_size", {"height": 80, "width": 80}),
        ("size", 0),
    ],
)
def test_an_image_processor_that_does_something_else_is_refused_by_its_field(model, field, value):
    change(model / "preprocessor_config.json", None, field, value)
    if field in ("do_normalize", "include_top"):
        change(model / "preprocessor_config.json", None, "image_std", [0.25, 0.5, 0.5])
    with pytest.raises(ValueError, match=rf"^preprocessor_config\.json has .*{field}"):
        image_sizes(model)


def test_another_way_to_say_the_same_range(model):
    path = model / "preprocessor_config.json"
    for field, value in (("rescale_factor", 1 / 255), ("rescale_offset", False), ("do_normalize", True)):
        change(path, None, field, value)
    change(path, None, "image_mean", [0.5] * 3)
    change(path, None, "image_std", [0.5] * 3)
    assert image_sizes(model) == (75, 61)


def test_a_processor_config_in_one_file(model):
    images = json.loads((model / "preprocessor_config.json").read_text(encoding="utf-8"))
    (model / "preprocessor_config.json").unlink()
    with pytest.raises(ValueError, match=r"lacks preprocessor_config\.json"):
        image_sizes(model)
    (model / "processor_config.json").write_text(json.dumps({"image_processor": images}), encoding="utf-8")
    assert image_sizes(model) == (75, 61)


def test_of_two_files_the_one_that_transformers_takes_is_taken_and_where_they_differ_it_is_said(model):
    images = json.loads((model / "preprocessor_config.json").read_text(encoding="utf-8"))
    assert differences(model) == []
    newer = {**images, "image_processor_type": "EfficientNetImageProcessorFast"}
    (model / "processor_config.json").write_text(json.dumps({"image_processor": newer}), encoding="utf-8")
    assert differences(model) == []
    newer |= {"size": {"height": 80, "width": 80}, "crop_size": {"height": 70, "width": 70}}
    (model / "processor_config.json").write_text(json.dumps({"image_processor": newer}), encoding="utf-8")
    theirs = AutoImageProcessor.from_pretrained(model)
    assert image_sizes(model) == (theirs.size["height"], theirs.crop_size["height"]) == (80, 70)
    assert differences(model) == [
        "processor_config.json is taken, as by transformers 5; preprocessor_config.json, which transformers 4 takes, "
        "has another crop_size, size"
    ]
    (model / "processor_config.json").write_text(json.dumps({"processor_class": "AlignProcessor"}), encoding="utf-8")
    assert image_sizes(model) == (75, 61)


@pytest.mark.parametrize(
    ("name", "section", "field", "value"),
    [
        ("tokenizer_config.json", None, "do_lower_case", False),
        ("tokenizer_config.json", None, "strip_accents", False),
        ("tokenizer_config.json", None, "tokenize_chinese_chars", False),
        ("tokenizer_config.json", None, "tokenizer_class", "CLIPTokenizer"),
        ("tokenizer_config.json", None, "padding_side", "left"),
        ("tokenizer_config.json", None, "truncation_side", "left"),
        ("tokenizer.json", None, "padding", {"direction": "Left"}),
        ("tokenizer.json", None, "truncation", {"direction": "Left"}),
        ("tokenizer.json", "normalizer", "lowercase", False),
        ("tokenizer.json", "normalizer", "strip_accents", False),
        ("tokenizer.json", "normalizer", "type", "Lowercase"),
        ("tokenizer_config.json", None, "added_tokens_decoder", {"9": {"content": "<memory>"}}),
        ("tokenizer.json", None, "added_tokens", [{"id": 9, "content": "<memory>"}]),
        ("tokenizer.json", "model", "type", "BPE"),
        ("tokenizer.json", "model", "max_input_chars_per_word", 50),
    ],
)
def test_a_tokenizer_that_does_something_else_is_refused_by_its_field(model, name, section, field, value):
    change(model / name, section, field, value)
    with pytest.raises(ValueError, match=rf"^{name} has .*{field}"):
        read_pieces(model)


def test_either_form_of_the_vocabulary_will_do_and_both_must_agree(model, tmp_path):
    expected = (model / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]
    BertTokenizerFast.from_pretrained(model).save_pretrained(model)  # as transformers writes it today
    for absent in ("vocab.txt", "tokenizer.json"):
        one = Path(shutil.copytree(model, tmp_path / f"without {absent}"))
        (one / absent).unlink()
        assert read_pieces(one) == expected
    text = (model / "vocab.txt").read_text(encoding="utf-8").replace("cat", "cow")
    (model / "vocab.txt").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="hold different pieces"):
        read_pieces(model)


def test_tokens_that_were_added_in_a_file_of_their_own(model):
    (model / "added_tokens.json").write_text('{"[PAD]": 0}', encoding="utf-8")
    read_pieces(model)
    (model / "added_tokens.json").write_text('{"[PAD]": 0, "<memory>": 30522}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"^added_tokens\.json has the keys = '<memory>'; it must hold no other"):
        read_pieces(model)


def test_a_missing_vocabulary(model):
    for name in ("vocab.txt", "tokenizer.json"):
        (model / name).unlink()
    with pytest.raises(ValueError, match=r"has neither vocab\.txt nor tokenizer\.json"):
        read_pieces(model)
