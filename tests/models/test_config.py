"""The `model` section: sizes by name, numbers that take their place, and a sentence for each that cannot be."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from models.config import ModelConfig
from models.sizes import BERTS, EFFICIENTNETS, BertSize, EfficientNetSize


@pytest.mark.parametrize(("image", "text"), list(itertools.product(EFFICIENTNETS, BERTS)))
def test_every_image_tower_goes_with_every_text_tower(image, text):
    model = ModelConfig(image=image, text=text)
    assert (model.image_size, model.text_size) == (EFFICIENTNETS[image], BERTS[text])


def test_the_default_is_the_papers_b7_and_base():
    assert ModelConfig().image_size == EfficientNetSize(2.0, 3.1)
    assert ModelConfig().text_size == BertSize(layers=12, hidden=768, heads=12, intermediate=3072)
    assert ModelConfig().image_size.features == ModelConfig().embedding == 640


def test_a_number_takes_the_place_of_the_named_sizes_own():
    model = ModelConfig(image="b3", image_depth_coefficient=0.5, text="mini", text_layers=1, text_intermediate=96)
    assert model.image_size == EfficientNetSize(1.2, 0.5)
    assert model.text_size == BertSize(layers=1, hidden=256, heads=4, intermediate=96)
    assert dataclasses.replace(model, image_depth_coefficient=None).image_size == EFFICIENTNETS["b3"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"image": "B7"}, "model.image is 'B7', which is not a size; did you mean 'b7'?"),
        ({"text": "bas"}, "model.text is 'bas', which is not a size; did you mean 'base'?"),
        ({"text": "huge"}, "model.text is 'huge', which is not a size; it must be one of tiny, mini, small, medium, "),
        ({"image": "resnet"}, "model.image is 'resnet', which is not a size; it must be one of b0, b1, b2, b3, b4, b5"),
        ({"image_width_coefficient": 0.0}, "model.image_width_coefficient is 0.0; it must be above 0, or null for"),
        ({"text_layers": 0}, "model.text_layers is 0; it must be 1 or more, or null for that of model.text"),
        ({"embedding": 0}, "model.embedding is 0; it must be 1 or more"),
        (
            {"text_hidden": 16},
            "model.text_hidden is 16, not a multiple of model.text_heads = 12; set both, since null takes that of "
            "model.text 'base'",
        ),
    ],
)
def test_a_size_that_cannot_be_is_one_sentence(fields, sentence):
    with pytest.raises(ValueError, match=r"^model\.") as caught:
        ModelConfig(**fields)
    assert str(caught.value).startswith(sentence)
