"""`align import-hf` against answers that transformers gave, and everything that it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from models.config import ModelConfig
from models.hugging_face.files import read_tensors
from models.hugging_face.importing import assign, import_hf
from models.saving.model_folder import read_model_folder
from models.texts.tokenizer import Tokenizer
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig
from picture_forms import forms
from serving import signatures

FIXTURE = Path(__file__).parent / "fixture"
TOLERANCE = 1e-5  # of unit vectors; ten times closer than promised
ANSWERS = np.load(FIXTURE / "answers.npz")
TEXTS = json.loads((FIXTURE / "texts.json").read_text(encoding="utf-8"))
IMAGES = sorted((FIXTURE / "images").iterdir())
HIDDEN_COLOURS = "alpha_90x61.png"  # we differ: transformers shows what transparency hides, we lay it on white


@pytest.fixture(scope="module")
def imported(tmp_path_factory) -> Path:
    to = tmp_path_factory.mktemp("imported") / "align"
    import_hf(FIXTURE / "model", to)
    return to


@pytest.fixture(scope="module")
def served(imported):
    return tf.saved_model.load(str(imported / "servable" / "1")).signatures


@pytest.fixture(scope="module")
def encoder(imported):
    read = read_model_folder(str(imported / "checkpoint"))
    built = build_dual_encoder(read.model, TrainingConfig(), read.pieces)
    read.load_into(built)
    return built


def test_the_fixture_tells_its_images_and_texts_apart():
    """Or a model that answers the same whatever it is asked would pass."""
    for name in ("image_embeds", "text_embeds"):
        cosines = ANSWERS[name] @ ANSWERS[name].T - np.eye(len(ANSWERS[name]))
        assert np.median(cosines) < 0.9
    assert len(IMAGES) == len(ANSWERS["image_embeds"]) == 11


def test_sizes(imported):
    assert read_model_folder(str(imported / "checkpoint")).model == ModelConfig(
        image_width_coefficient=0.3,
        image_depth_coefficient=0.3,
        image_resize_px=75,
        image_crop_px=61,
        text_layers=2,
        text_hidden=32,
        text_heads=4,
        text_intermediate=48,
        text_max_pieces=64,
        embedding=96,
    )


def test_served_images_are_those_of_transformers(served):
    encoded = tf.constant([path.read_bytes() for path in IMAGES])
    answer = served[signatures.ENCODE_IMAGE](**{signatures.IMAGE_BYTES: encoded})[signatures.EMBEDDING]
    for path, found, expected in zip(IMAGES, answer.numpy(), ANSWERS["image_embeds"], strict=True):
        if path.name == HIDDEN_COLOURS:
            continue
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE, err_msg=path.name)


def test_an_imported_model_sees_each_form_of_a_picture_as_it_looks(served):
    known = [form for form in forms() if form.is_served]
    found, right = (
        served[signatures.ENCODE_IMAGE](image_bytes=tf.constant(images))["embedding"]
        for images in ([form.encoded for form in known], [tf.io.encode_png(form.pixels).numpy() for form in known])
    )
    np.testing.assert_array_equal(found, right)


def test_served_texts_are_those_of_transformers(served):
    answer = served[signatures.ENCODE_TEXT](**{signatures.TEXT: tf.constant(TEXTS)})[signatures.EMBEDDING]
    for text, found, expected in zip(TEXTS, answer.numpy(), ANSWERS["text_embeds"], strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE, err_msg=text)


def test_token_ids_are_those_of_transformers(imported):
    tokenizer = Tokenizer.from_file(str(imported / "checkpoint" / "vocab.txt"), 64)
    np.testing.assert_array_equal(tokenizer(tf.constant(TEXTS)), ANSWERS["token_ids"])


@pytest.mark.parametrize("size", ["32x32", "37x45"])
def test_the_image_tower_at_even_and_odd_sizes(encoder, size):
    found = np.asarray(encoder.encode_image(ANSWERS[f"pixels_{size}"]))
    np.testing.assert_allclose(found, ANSWERS[f"embeds_{size}"], rtol=0, atol=TOLERANCE)


def test_the_temperature_comes_along(encoder):
    assert float(encoder.temperature) == np.float32(0.0186)


@pytest.fixture
def model(tmp_path) -> Path:
    """A copy of the AlignModel's folder that a test may damage."""
    return Path(shutil.copytree(FIXTURE / "model", tmp_path / "model"))


def refused(model: Path) -> str:
    """Returns the one sentence by which a folder is refused; nothing is left behind."""
    to = model.with_name("to")
    with pytest.raises(ValueError, match=r".") as error:
        import_hf(model, to)
    assert not to.exists()
    assert not to.with_name("to.partial").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def change(path: Path, section: str | None, field: str, value) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    (content[section] if section else content)[field] = value
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        (None, "model_type", "clip"),
        (None, "projection_dim", 128),
        (None, "text_config", 7),
        ("vision_config", "num_channels", 1),
        ("vision_config", "depth_divisor", 4),
        ("vision_config", "kernel_sizes", [3, 3, 5, 3, 5, 5, 5]),
        ("vision_config", "in_channels", [32, 16, 24, 40, 80, 112, 200]),
        ("vision_config", "out_channels", [16, 24, 40]),
        ("vision_config", "strides", [1, 2, 2, 2, 2, 2, 1]),
        ("vision_config", "num_block_repeats", [1, 1, 1, 1, 1, 1, 1]),
        ("vision_config", "expand_ratios", [1, 4, 4, 4, 4, 4, 4]),
        ("vision_config", "squeeze_expansion_ratio", 0.5),
        ("vision_config", "hidden_act", "relu"),
        ("vision_config", "pooling_type", "max"),
        ("vision_config", "batch_norm_eps", 1e-5),
        ("vision_config", "depthwise_padding", [1]),
        ("vision_config", "hidden_dim", 1),
        ("vision_config", "width_coefficient", 0.2),
        ("vision_config", "width_coefficient", "wide"),
        ("text_config", "hidden_act", "gelu_new"),
        ("text_config", "layer_norm_eps", 1e-5),
        ("text_config", "pad_token_id", 1),
        ("text_config", "position_embedding_type", "relative_key"),
        ("text_config", "is_decoder", True),
        ("text_config", "add_cross_attention", True),
        ("text_config", "vocab_size", 200),
    ],
)
def test_a_config_that_we_cannot_honour_is_refused_by_its_field(model, section, field, value):
    change(model / "config.json", section, field, value)
    if field == "width_coefficient" and value == 0.2:
        change(model / "config.json", None, "projection_dim", 64)
    sentence = refused(model)
    assert field in sentence
    assert "config.json" in sentence


def test_shards(model):
    whole = load_file(model / "model.safetensors")
    names = sorted(whole)
    shards = {"model-00001-of-00002.safetensors": names[:50], "model-00002-of-00002.safetensors": names[50:]}
    for file, inside in shards.items():
        save_file({name: whole[name] for name in inside}, model / file)
    index = {"weight_map": {name: file for file, inside in shards.items() for name in inside}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    (model / "model.safetensors").unlink()
    found, expected = read_tensors(model), read_tensors(FIXTURE / "model")
    assert {name: array.tobytes() for name, array in found.items()} == {
        name: array.tobytes() for name, array in expected.items()
    }
    (model / "model-00002-of-00002.safetensors").unlink()
    assert "lacks ['model-00002-of-00002.safetensors']" in refused(model)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file(model, name):
    (model / name).unlink()
    assert f"lacks {name}" in refused(model)


def test_weights_in_a_pickle_alone(model):
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    assert "pytorch_model.bin is not read, as it may run code" in refused(model)


@pytest.mark.parametrize("length", [0, 5, 1000, -100])
def test_weights_that_were_cut_short(model, length):
    path = model / "model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert "model.safetensors is damaged or cut short" in refused(model)


@pytest.mark.parametrize("content", ["", "{", "[]", "\ud800"])
def test_a_damaged_config(model, content):
    (model / "config.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    assert "config.json" in refused(model)


def test_tensors_of_another_model(imported, encoder):
    sizes, whole = read_model_folder(str(imported / "checkpoint")).model, read_tensors(FIXTURE / "model")
    before = encoder.get_weights()
    stem, dense = "vision_model.embeddings.convolution.weight", "text_projection.weight"
    variance = "vision_model.embeddings.batchnorm.running_var"
    for changed, sentence in (
        ({name: array for name, array in whole.items() if name != stem}, f"lack {stem}"),
        (
            {**whole, stem: whole[stem][:8]},
            rf"tensor {stem} has the shape \[8, 3, 3, 3\], which does not fit stem_conv",
        ),
        ({**whole, stem: whole[stem][0]}, rf"tensor {stem} has the shape \[3, 3, 3\]"),
        ({**whole, dense: np.full_like(whole[dense], np.nan)}, f"{dense} holds numbers that are not finite"),
        ({**whole, variance: -whole[variance]}, f"{variance} holds -.*, a negative variance; copy the folder again"),
        ({**whole, "temperature": np.float32(0)}, "tensor temperature is 0, and cosines are divided by it"),
        ({**whole, "temperature": np.float32(-2)}, "tensor temperature is -2, and cosines are divided by it"),
        ({**whole, "temperature": np.float32(np.nan)}, "temperature holds numbers that are not finite"),
        ({**whole, "third.eye": np.zeros(1, np.float32)}, "include third.eye"),
    ):
        with pytest.raises(ValueError, match=sentence):
            assign(encoder, sizes, changed)
    assert all(np.array_equal(*pair) for pair in zip(before, encoder.get_weights(), strict=True))


def test_a_folder_that_is_there_already(tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "precious.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match="to is there already; give a folder that is not"):
        import_hf(FIXTURE / "model", tmp_path / "to")
    assert (tmp_path / "to" / "precious.txt").read_text(encoding="utf-8") == "mine"
