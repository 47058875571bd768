"""What is no dual encoder of KerasHub, or one whose parts do not fit, is refused by name."""

from __future__ import annotations

import json
import shutil

import keras_hub
import numpy as np
import pytest

from models.keras_hub.presets import load
from tiny_presets import SIDE_PX, SIGLIP_TOKENS


@pytest.fixture
def edited(presets, tmp_path):
    """Returns a function that copies a preset and changes one file of it, or deletes it."""

    def edit(name, file, change):
        folder = tmp_path / name
        shutil.copytree(presets[name], folder)
        config = json.loads((folder / file).read_text())
        (folder / file).unlink()
        if change is not None:
            change(config)
            (folder / file).write_text(json.dumps(config))
        return str(folder)

    return edit


def set_field(*path, to):
    def change(config):
        for name in path[:-1]:
            config = config[name]
        config[path[-1]] = to

    return change


def test_a_preset_of_parts_saved_alone_loads_too(presets, tmp_path):
    """As the published presets are: a tokenizer and an image converter, and no preprocessor's own file."""
    shutil.copytree(presets["siglip"], tmp_path / "parts")
    (tmp_path / "parts" / "preprocessor.json").unlink()
    for part in (keras_hub.models.SigLIPTokenizer, keras_hub.layers.SigLIPImageConverter):
        part.from_preset(str(presets["siglip"])).save_to_preset(str(tmp_path / "parts"))
    preprocessor = load(str(tmp_path / "parts"))[1]
    tokens = preprocessor({"prompts": ["the cat"], "images": np.zeros((1, SIDE_PX, SIDE_PX, 3))})["token_ids"]
    assert np.asarray(tokens).shape == (1, SIGLIP_TOKENS)  # KerasHub's default is 64


TOKENIZER = ("config", "tokenizer", "config")
IMAGE_SIZE = ("config", "image_converter", "config", "image_size")


@pytest.mark.parametrize(
    ("name", "file", "change", "sentence"),
    [
        ("clip", "config.json", None, "KerasHub loads no Backbone of .*clip: "),
        (
            "clip",
            "preprocessor.json",
            set_field(*IMAGE_SIZE, to=[8, 8]),
            r"makes pictures of \(8, 8\), but the image tow",
        ),
        (
            "clip",
            "preprocessor.json",
            set_field(*IMAGE_SIZE, to=None),
            "makes pictures of None, but the image tower takes",
        ),
        (
            "clip",
            "preprocessor.json",
            set_field(*TOKENIZER, "sequence_length", to=12),
            "the tokenizer pads to 12 tokens, a",
        ),
        (
            "siglip",
            "preprocessor.json",
            set_field("config", "image_converter", to=None),
            "has no image_converter; save the",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(edited, name, file, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        load(edited(name, file, change))


def test_another_backbone_is_refused(tmp_path):
    keras_hub.models.BertBackbone(11, 1, 1, 4, 4, max_sequence_length=4).save_to_preset(str(tmp_path / "bert"))
    with pytest.raises(
        ValueError, match="bert is a BertBackbone, which has not two towers; give a CLIPBackbone or SigLIPB"
    ):
        load(str(tmp_path / "bert"))


def test_a_name_that_no_hub_is_asked_for_is_refused():
    with pytest.raises(ValueError, match="KerasHub loads no Backbone of no_such_preset: ValueError: "):
        load("no_such_preset")
