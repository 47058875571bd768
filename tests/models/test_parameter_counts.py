"""Parameter counts against published figures, exactly where one was published, and against models that were built."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.config import ModelConfig
from models.parameter_counts import count_parameters, dense, image_parameters, text_parameters
from models.sizes import BERTS, EFFICIENTNETS, STAGES, STEM_WIDTH, EfficientNetSize, scale_repeats, scale_width
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig

# Trainable parameters with top convolution and 1000 classes: torchvision's model cards, and the same eight numbers in
# google/automl's efficientnet_builder_test.py. L2: timm's tf_efficientnet_l2 (480 M in arXiv:1911.04252, table 7).
TRAINABLE = {
    "b0": 5_288_548,
    "b1": 7_794_184,
    "b2": 9_109_994,
    "b3": 12_233_232,
    "b4": 19_341_616,
    "b5": 30_389_784,
    "b6": 43_040_704,
    "b7": 66_347_960,
    "l2": 480_309_308,
}
# The same with moving statistics, from the table of keras.applications, whose normalisation of pixels holds 7 more.
SAVED = {
    "b0": 5_330_571,
    "b1": 7_856_239,
    "b2": 9_177_569,
    "b3": 12_320_535,
    "b4": 19_466_823,
    "b5": 30_562_527,
    "b6": 43_265_143,
    "b7": 66_658_687,
}
PIXEL_NORMALISATION = 7  # mean and variance of three colours, and a count
CLASSES = 1000
# Millions, from google-research/bert's table of miniatures; large from arXiv:1810.04805, section 3, to two digits.
BERT_MILLIONS = {"tiny": 4.4, "mini": 11.3, "small": 29.1, "medium": 41.7, "base": 110.1, "large": 340}
UNCASED = 30_522  # word pieces of the published BERTs, which have 512 positions and 2 segments


def top(name: str) -> int:
    """Returns what our tower lacks: a 1x1 convolution to 1280 w channels, its batch norm and the classifier."""
    size = EFFICIENTNETS[name]
    channels = scale_width(1280, size.width_coefficient)
    return size.features * channels + 2 * channels + dense(channels, CLASSES)


@pytest.mark.parametrize("name", TRAINABLE)
def test_efficientnet_and_its_top_have_the_published_parameters(name):
    assert image_parameters(EFFICIENTNETS[name]) + top(name) == TRAINABLE[name]


@pytest.mark.parametrize("name", SAVED)
def test_moving_statistics_are_the_rest_of_what_keras_counts(name):
    size = EFFICIENTNETS[name]
    moving = moving_statistics(size) + 2 * scale_width(1280, size.width_coefficient)
    assert TRAINABLE[name] + moving + PIXEL_NORMALISATION == SAVED[name]


def test_b0_without_top_is_published_by_itself():
    # google/automl, efficientnet_builder_test.py: features_only.
    assert image_parameters(EFFICIENTNETS["b0"]) == 3_595_388


@pytest.mark.parametrize("name", BERTS)
def test_bert_and_its_language_model_have_the_published_parameters(name):
    """The published counts hold the pooler, and for masked words H x H, a layer norm and a bias for each piece."""
    size = BERTS[name]
    head = 2 * dense(size.hidden, size.hidden) + 2 * size.hidden + UNCASED
    millions = (text_parameters(size, UNCASED, positions=512, segments=2) + head) / 1e6
    digits = -1 if name == "large" else 1
    assert round(millions, digits) == BERT_MILLIONS[name]


def test_bert_base_with_its_pooler_has_the_parameters_of_the_public_weights():
    size = BERTS["base"]
    pooler = dense(size.hidden, size.hidden)
    assert text_parameters(size, UNCASED, positions=512, segments=2) + pooler == 109_482_240


def test_the_public_align_has_its_published_parameters():
    """kakaobrain/align-base: what is trained, the pooler that the model never reads included."""
    text = text_parameters(BERTS["base"], UNCASED, positions=512, segments=2) + dense(768, 768)
    temperature = 1
    assert image_parameters(EFFICIENTNETS["b7"]) + text + dense(768, 640) + temperature == 172_117_841
    # Our own reading of it: no pooler, one segment, 64 positions.
    ours = count_parameters(ModelConfig(), UNCASED)
    assert 172_117_841 - ours.total == dense(768, 768) + (1 + 512 - 64) * 768


def test_b7_alone_needs_no_projection_of_images():
    # In the paper, B7's own width is that of the space, and L2's of its.
    assert count_parameters(ModelConfig(), UNCASED).projections == dense(768, 640)
    assert count_parameters(ModelConfig(image="b5"), UNCASED).projections == dense(768, 640) + dense(512, 640)
    large = ModelConfig(image="l2", text="large", embedding=1376)
    assert count_parameters(large, UNCASED).projections == dense(1024, 1376)


def test_a_model_that_was_built_has_the_parameters_that_were_counted():
    model = ModelConfig(
        image_width_coefficient=0.5,
        image_depth_coefficient=0.4,  # two blocks in stage 6, so one that adds its input
        text="tiny",
        text_hidden=24,
        text_heads=3,
        text_intermediate=20,
        text_max_pieces=7,
        embedding=10,
    )
    encoder = build_dual_encoder(model, TrainingConfig(), vocabulary_size=23)
    counted = count_parameters(model, 23)
    assert dataclasses.astuple(counted) == (
        trained(encoder.image_tower),
        trained(encoder.text_tower),
        trained(encoder.image_projection) + trained(encoder.text_projection),
    )
    assert trained(encoder) == counted.total
    saved = sum(int(np.prod(weight.shape)) for weight in encoder.image_tower.weights)
    assert saved - counted.image == moving_statistics(model.image_size)


def trained(layer) -> int:
    return sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)


def moving_statistics(size: EfficientNetSize) -> int:
    """Returns the image tower's moving means and variances, which are saved but not trained."""
    channels = width_in = scale_width(STEM_WIDTH, size.width_coefficient)
    for stage in STAGES:
        width = scale_width(stage.width, size.width_coefficient)
        for _ in range(scale_repeats(stage.repeats, size.depth_coefficient)):
            channels += (1 if stage.expansion == 1 else 2) * stage.expansion * width_in + width
            width_in = width
    return 2 * channels
