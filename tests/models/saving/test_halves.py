"""`align export`: each tower alone embeds as the whole does, and holds no weight of the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console
from typer.testing import CliRunner

from hand_made_pair import BLUE, RED
from models.config import ModelConfig
from models.saving.model_folder import write_model_folder
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig
from serving.encoders.encoder import EncodeError
from serving.encoders.opening import open_encoder
from small_training import CUSTOM_CONFIG, PIECES
from tfx_pipeline.cli import app
from tfx_pipeline.commands.export import write_served
from tfx_pipeline.settings.config import ConfigError

TEXTS = ["red", "a photo of blue", ""]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    model = ModelConfig(**CUSTOM_CONFIG["model"])
    encoder = build_dual_encoder(model, TrainingConfig(), len(PIECES))
    write_model_folder(str(folder / "model"), encoder, model, str(folder / "vocab.txt"))
    return folder / "model"


@pytest.fixture(scope="module")
def exported(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    for tower in ("image", "text", "both"):
        done = CliRunner().invoke(app, ["export", str(checkpoint), "--to", str(folder / tower), "--tower", tower])
        assert done.exit_code == 0, done.output
        assert f"Wrote {folder / tower}" in done.output
    return folder


def test_a_tower_alone_embeds_as_the_whole(exported):
    both, image, text = (open_encoder(str(exported / tower)) for tower in ("both", "image", "text"))
    np.testing.assert_array_equal(image.encode_image([RED, BLUE]), both.encode_image([RED, BLUE]))
    np.testing.assert_array_equal(text.encode_text(TEXTS), both.encode_text(TEXTS))


@pytest.mark.parametrize(
    ("tower", "method", "given"), [("image", "encode_text", TEXTS), ("text", "encode_image", [RED])]
)
def test_what_a_tower_has_not_is_refused_by_name(exported, tower, method, given):
    encoder = open_encoder(str(exported / tower))
    with pytest.raises(EncodeError, match=rf"has no signature {method} \(it has encode_{tower}, serving_default\)"):
        getattr(encoder, method)(given)


def test_it_has_its_own_signatures_and_weights_alone(exported):
    for tower, other in (("image", "text"), ("text", "image")):
        loaded = tf.saved_model.load(str(exported / tower / "1"))
        assert set(loaded.signatures) == {f"encode_{tower}", "serving_default"}
        saved = [name for name, _ in tf.train.list_variables(str(exported / tower / "1" / "variables" / "variables"))]
        assert not [name for name in saved if f"{other}_tower" in name or f"{other}_projection" in name]
    whole = (exported / "both" / "1" / "saved_model.pb").stat().st_size
    assert (exported / "text" / "1" / "saved_model.pb").stat().st_size < whole / 2  # the image tower is frozen into it


def test_the_image_tower_alone_in_bfloat16(checkpoint, exported, tmp_path):
    command = ["export", str(checkpoint), "--to", str(tmp_path / "to"), "--tower", "image", "--precision", "bfloat16"]
    done = CliRunner().invoke(app, command)
    assert "its images in bfloat16" in done.output
    found = open_encoder(str(tmp_path / "to")).encode_image([RED, BLUE])
    right = open_encoder(str(exported / "both")).encode_image([RED, BLUE])
    assert np.sum(found * right, axis=1).min() > 0.999


def test_what_cannot_be_exported_is_refused_in_a_sentence(checkpoint, tmp_path):
    with pytest.raises(ConfigError, match="--tower is 'video'; it must be one of image, text, both"):
        write_served(checkpoint, tmp_path / "new", "video", "float32", Console())
    with pytest.raises(ConfigError, match="--precision is 'int8'; it must be one of float32, bfloat16, auto"):
        write_served(checkpoint, tmp_path / "new", "text", "int8", Console())
    with pytest.raises(ConfigError, match=r"is no model folder, as it has no model\.json"):
        write_served(tmp_path, tmp_path / "new", "text", "auto", Console())
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "note").touch()
    with pytest.raises(ConfigError, match="to is there already; give a folder that is not"):
        write_served(checkpoint, tmp_path / "to", "text", "float32", Console())
