"""Real small models, SavedModel and ONNX, run on images; and what is said of one that is missing or does not fit."""

import dataclasses
import sys

import numpy as np
import pytest

from components.pair_filter.image_models.handlers import (
    EmbedHandler,
    ImageBatch,
    ImageModel,
    ScoreHandler,
    check_embedder,
    check_scorer,
)
from components.pair_filter.model_config import ImageModelConfig
from small_image_models import FLOAT, UINT8, save_channel_means, save_failing, save_onnx_channel_means

SIDE = 4
RED_AND_GREY = np.stack([np.full((SIDE, SIDE, 3), (255, 51, 0)), np.full((SIDE, SIDE, 3), 51)]).astype(np.uint8)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Returns kind -> the config of a model that answers with the means of an image's channels, from 0 to 1."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "SavedModel": ImageModelConfig(save_channel_means(folder / "saved", SIDE), SIDE, "zero_to_one"),
        "ONNX": ImageModelConfig(save_onnx_channel_means(folder / "a.onnx", SIDE), SIDE, "zero_to_one", "nchw"),
    }


@pytest.mark.parametrize("kind", ["SavedModel", "ONNX"])
def test_a_score_is_the_sum_of_the_columns_that_are_unsafe(models, kind):
    config = dataclasses.replace(models[kind], columns=(1, 2), batch=3)
    check_scorer(config)
    assert ImageModel(config).scores(RED_AND_GREY) == pytest.approx([0.2 + 0, 0.2 + 0.2])


@pytest.mark.parametrize("kind", ["SavedModel", "ONNX"])
def test_an_embedding_is_the_output_at_length_one(models, kind):
    check_embedder(models[kind])
    red, grey = ImageModel(models[kind]).embeddings(RED_AND_GREY)
    assert red == pytest.approx(np.array([1, 0.2, 0]) / 1.04**0.5)
    assert grey == pytest.approx(np.full(3, 3**-0.5))
    assert ImageModel(models[kind]).embeddings(0 * RED_AND_GREY).tolist() == [[0, 0, 0]] * 2, "black stays zero"


@pytest.mark.parametrize("dtype", [FLOAT, UINT8])
def test_bytes_are_given_in_the_type_that_the_model_takes(tmp_path, dtype):
    path = save_onnx_channel_means(tmp_path / "bytes.onnx", SIDE, dtype)
    assert ImageModel(ImageModelConfig(path, SIDE, "bytes", "nchw"))(RED_AND_GREY).tolist() == [[255, 51, 0], [51] * 3]


@pytest.mark.parametrize("name", ["m[1]", "m*", "m?"])
def test_a_model_whose_name_is_like_a_glob_is_that_model(tmp_path, name):
    save_channel_means(tmp_path / "m1", SIDE * 2)  # which takes other images
    config = ImageModelConfig(save_channel_means(tmp_path / name, SIDE), SIDE, "zero_to_one")
    check_embedder(config)


def refused(check, config: ImageModelConfig) -> str:
    """Returns the sentence with which a check refuses a config, less the model's path."""
    with pytest.raises(ValueError, match=r".") as caught:
        check(config)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(config.path, "PATH")


def test_a_missing_model_is_named(tmp_path):
    for name in ("nowhere", "nowhere.onnx"):
        sentence = refused(check_scorer, ImageModelConfig(str(tmp_path / name), SIDE, "bytes"))
        assert sentence == "the model PATH does not exist; give a SavedModel's folder or an .onnx file"


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "text.onnx").write_text("no model")
    (tmp_path / "folder").mkdir()
    for name, kind in (("text.onnx", "an ONNX model"), ("folder", "a SavedModel")):
        sentence = refused(check_scorer, ImageModelConfig(str(tmp_path / name), SIDE, "bytes"))
        assert sentence.startswith(f"the model PATH does not load as {kind}: ")


@pytest.mark.parametrize("kind", ["SavedModel", "ONNX"])
@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"output": "scores", "columns": (1,)}, "the model PATH has no output 'scores'; it has ['means']"),
        ({"columns": (3,)}, "it has 3 columns, numbered from 0, and columns asks for (3,)"),
        ({}, "it has 3 columns; name in columns those that are unsafe"),
        ({"image_px": 5, "columns": (1,)}, "the model PATH does not take 1 blank images of 5 x 5 px"),
        ({"scale": "minus_one_to_one", "columns": (1,)}, "it returned -1 as a score, which is no probability"),
    ],
)
def test_a_model_that_is_not_as_configured_is_named(models, kind, changes, part):
    assert part in refused(check_scorer, dataclasses.replace(models[kind], **changes))


def test_a_model_of_the_other_layout_is_refused(models):
    for config, other in ((models["SavedModel"], "nchw"), (models["ONNX"], "nhwc")):
        sentence = refused(check_embedder, dataclasses.replace(config, layout=other))
        assert f"does not take 1 blank images of 4 x 4 px, {other}, zero_to_one: " in sentence


def test_a_saved_model_s_signatures_and_outputs_are_listed(tmp_path):
    config = ImageModelConfig(save_channel_means(tmp_path / "two", SIDE, ("a", "b")), SIDE, "bytes")
    assert refused(check_embedder, config) == "the model PATH has the outputs ['a', 'b']; name one of them in output"
    check_embedder(dataclasses.replace(config, output="b"))
    sentence = refused(check_embedder, dataclasses.replace(config, signature="embed"))
    assert sentence == "the model PATH has no signature 'embed'; it has ['serving_default']"


def test_without_onnxruntime_the_extra_is_named(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # so Python imports a module that is not installed
    sentence = refused(check_embedder, models["ONNX"])
    assert sentence.endswith("onnxruntime is not installed; install the extra: pip install 'align-tfx[onnx]'")


def test_a_batch_that_fails_names_model_record_and_error(tmp_path):
    config = ImageModelConfig(save_failing(tmp_path / "failing", SIDE), SIDE, "bytes")
    check_scorer(config)  # blank images are dark, and it takes them
    handler = ScoreHandler(config)
    dark = ImageBatch(np.array([0, 2]), ("a.tar#1", "a.tar#3"), RED_AND_GREY // 5)
    bright = ImageBatch(np.array([3]), ("a.tar#4",), np.full((1, SIDE, SIDE, 3), 200, np.uint8))
    answers = handler.run_inference([dark, bright], handler.load_model())
    first = next(answers)
    assert first.rows.tolist() == [0, 2]
    assert first.values == pytest.approx([(51 + 10) / 3 / 255, 10 / 255])
    with pytest.raises(RuntimeError, match="too bright") as caught:
        next(answers)
    assert str(caught.value).startswith(f"the model {config.path} failed on 1 images, the first of them a.tar#4: ")
    assert "\n" not in str(caught.value)


def test_an_answer_that_is_not_a_number_is_a_failure(tmp_path):
    config = ImageModelConfig(save_channel_means(tmp_path / "saved", SIDE), SIDE, "bytes")
    model = ImageModel(config)
    model._run = lambda images: np.full((len(images), 1), np.nan)
    with pytest.raises(ValueError, match="returned nan as a score"):
        model.scores(RED_AND_GREY)
    with pytest.raises(ValueError, match="embedding that is not finite"):
        model.embeddings(RED_AND_GREY)


def test_both_handlers_count_the_bytes_of_their_batches(models):
    batch = ImageBatch(np.arange(2), ("a", "b"), RED_AND_GREY)
    for handler in (ScoreHandler(models["ONNX"]), EmbedHandler(models["ONNX"])):
        assert handler.get_num_bytes([batch, batch]) == 2 * 2 * SIDE * SIDE * 3
