"""`align transfer` on a tiny model's folder and a user's own folders of coloured squares."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from tfx_pipeline.cli import app
from tfx_pipeline.commands.transfer import Request, read_recipe, teach
from tfx_pipeline.judging.results import read_answers, read_results
from tfx_pipeline.settings.config import ConfigError

COLOURS = {"red": (220, 40, 40), "green": (40, 200, 60)}
QUICK = {"epochs": "8", "decay_every_epochs": "6", "batch": "8", "train_px": "16", "judged_px": "16", "runs": "2"}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A model folder of a tiny model."""
    import keras

    from models.config import ModelConfig
    from models.saving.model_folder import write_model_folder
    from models.towers.batch_norm import BatchNormalization
    from models.towers.dual_encoder import build_dual_encoder
    from models.training_config import TrainingConfig

    root = tmp_path_factory.mktemp("model")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    (root / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    image = {"image_width_coefficient": 0.25, "image_depth_coefficient": 0.1, "image_stem_stride": 1}
    text = {"text_layers": 1, "text_hidden": 16, "text_heads": 2, "text_intermediate": 32, "text_max_pieces": 6}
    sizes = ModelConfig(**image, **text, image_resize_px=18, image_crop_px=16, embedding=8)
    keras.utils.set_random_seed(1)
    encoder = build_dual_encoder(sizes, TrainingConfig(), len(pieces))
    for layer in encoder.image_tower._flatten_layers():
        if isinstance(layer, BatchNormalization):
            layer.momentum = 0.0
    encoder.image_tower(keras.random.uniform([32, 16, 16, 3], -1, 1, seed=2), training=True)  # statistics as if trained
    write_model_folder(str(root / "model"), encoder, sizes, str(root / "vocab.txt"))
    return root / "model"


@pytest.fixture(scope="module")
def suite(tmp_path_factory) -> Path:
    """A suite of one set: folders of squares, one picture of a format that no tower reads, and one broken."""
    root = tmp_path_factory.mktemp("squares")
    chance = np.random.default_rng(0)
    for part in ("train", "test"):
        for name, colour in COLOURS.items():
            folder = root / part / name
            folder.mkdir(parents=True)
            for number in range(8):
                pixels = np.clip(chance.normal(colour, 30, [20, 20, 3]), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.{'webp' if number == 3 else 'png'}")
    (root / "test" / "red" / "broken.png").write_bytes(b"no picture")
    (root / "suite.yaml").write_text("folders: {squares: {train: train, images: test}}\n", encoding="utf-8")
    return root / "suite.yaml"


def request(model: Path, suite: Path, out: Path, **overrides: str) -> Request:
    return Request(model, "imagenet-frozen", {**QUICK, **overrides}, (), str(suite), Path("data"), out)


def test_squares_are_learnt_and_told(model, suite, tmp_path):
    told = Console(file=io.StringIO(), width=200)
    teach(request(model, suite, tmp_path), told)
    found = read_results(tmp_path)
    (row,) = found.rows
    numbers = row.judged.numbers
    assert numbers["top_1"].value > 0.8  # chance is a half
    assert numbers["top_1"].queries == 16
    assert {"mean_per_class", "top_1_deviation"} < set(numbers)
    assert row.judged.skipped == {"test: could not be read": 1}
    assert found.finished
    assert found.suite["name"].startswith("imagenet-frozen epochs=8")
    assert (tmp_path / "results.csv").read_text().count("squares") == 1
    assert read_answers(tmp_path, row.judged).per_query["class"]["top_1"].mean() == numbers["top_1"].value
    assert "squares" in (tmp_path / "report.html").read_text()
    assert "squares: top-1 " in told.file.getvalue()


def test_an_image_of_the_same_size_and_time_is_another(model, suite, tmp_path):
    """So what was learnt of the old one is not taken for what would be learnt of the new one."""
    shutil.copytree(suite.parent, tmp_path / "own")
    image = tmp_path / "own" / "train" / "red" / "0.bmp"
    told = []
    for value in (100, 200):
        Image.new("RGB", (20, 20), (value, 0, 0)).save(image)
        os.utime(image, (0, 0))
        short = request(model, tmp_path / "own" / "suite.yaml", tmp_path / "out", epochs="1", runs="1")
        told.append(teach(short, Console(quiet=True)).rows[0].data_fingerprint)
    assert told[0] != told[1]
    assert len(list((tmp_path / "out" / "work").iterdir())) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--recipe", "vtap"], "--recipe 'vtap' is none of"),
        (["--recipe", "vtab", "--set", "trails=3"], "trails is not a field; did you mean trials?"),
        (["--recipe", "fine-grained"], "needs a data set to learn; name one by --dataset"),
        (["--recipe", "fine-grained", "--dataset", "petz"], "no data set 'petz'; did you mean 'pets'?"),
        (["--recipe", "vtab"], "none of VTAB's 19 tasks is in nowhere: prepare it"),
        (["--recipe", "fine-grained", "--dataset", "mscoco"], "has no images to learn from"),
        (["--recipe", "fine-grained", "--dataset", "pets"], "the data set pets is absent: get images.tar.gz"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, said, tmp_path):
    rest = ["--model", str(tmp_path), "--data", "nowhere", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, ["transfer", *arguments, *rest])
    assert isinstance(done.exception, ConfigError), done.output
    assert said in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_another_folder_is_no_model(suite, tmp_path):
    with pytest.raises(ConfigError, match="is no model folder"):
        teach(request(tmp_path, suite, tmp_path / "out"), Console())


def test_a_field_below_another_is_set():
    recipe = read_recipe("imagenet-fine-tuned", {"head.epochs": "1", "epochs": "2"})
    assert (recipe.head.epochs, recipe.epochs) == (1, 2)
