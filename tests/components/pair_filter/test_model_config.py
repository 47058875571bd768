"""Settings of the models that the filter asks: what is refused, in a sentence that names model, value and remedy."""

import dataclasses

import pytest

from components.config_fields import build_fields
from components.pair_filter.model_config import ImageModelConfig, NeighbourConfig, UnsafeConfig

MODEL = ImageModelConfig("scorer", image_px=224, scale="zero_to_one", columns=(1, 3))
EMBEDDER = dataclasses.replace(MODEL, columns=())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": ""}, "path is empty; give a SavedModel's folder or a file that ends in .onnx"),
        ({"image_px": 0}, "image_px of scorer is 0; it must be 1 or more"),
        ({"batch": 0}, "batch of scorer is 0; it must be 1 or more"),
        (
            {"scale": "0-1"},
            "scale of scorer is '0-1'; it must be one of minus_one_to_one, zero_to_one, imagenet, bytes",
        ),
        ({"layout": "hwc"}, "layout of scorer is 'hwc'; it must be one of nhwc, nchw"),
        ({"columns": (-1,)}, "columns of scorer are (-1,); they must be different numbers from 0 up"),
        ({"columns": (1, 1)}, "columns of scorer are (1, 1); they must be different numbers from 0 up"),
    ],
)
def test_a_model_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=r".") as caught:
        dataclasses.replace(MODEL, **changes)
    assert str(caught.value) == message


@pytest.mark.parametrize("threshold", [0, -0.1, 1.01, float("nan")])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(ValueError, match=rf"^threshold of scorer is {threshold}; it must be above 0"):
        UnsafeConfig(MODEL, threshold)
    assert UnsafeConfig(MODEL, 1).threshold == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nearest": 2}, "are 3, 2, 4096 and 200000; from 1 up, none may be above the next"),
        ({"clusters": 9}, "are 3, 10, 9 and 200000"),
        ({"sample": 100}, "are 3, 10, 4096 and 100"),
        ({"shared": 0}, "are 0, 10, 4096 and 200000"),
        ({"min_cosine": 1}, "min_cosine of scorer is 1; it must be -1 or more and below 1"),
        ({"min_cosine": float("nan")}, "min_cosine of scorer is nan"),
        ({"model": MODEL}, r"columns of scorer are \(1, 3\); an embedding is taken whole"),
    ],
)
def test_a_rule_on_neighbours_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(NeighbourConfig(EMBEDDER), **changes)


def test_the_paper_s_numbers_are_the_defaults():
    config = NeighbourConfig(EMBEDDER)
    assert (config.clusters, config.nearest, config.shared, config.min_cosine) == (4096, 10, 3, 0.975)


def test_the_kind_is_told_by_the_path():
    assert [ImageModelConfig(path, 8, "bytes").is_onnx for path in ("a/b.onnx", "A.ONNX", "a.onnx/b", "b")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_config_from_json_equals_the_one_that_was_written():
    assert build_fields(ImageModelConfig, {**dataclasses.asdict(MODEL), "columns": [1, 3]}) == MODEL
