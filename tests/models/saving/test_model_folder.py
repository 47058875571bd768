"""Model folders: what is written comes back bit for bit, and whatever is wrong with one is a sentence that says so."""

from __future__ import annotations

import hashlib
import json
import resource
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

from components.artifact_files import MODEL_FILE, VOCABULARY_FILE
from models.config import ModelConfig
from models.saving import model_folder
from models.saving.model_folder import WEIGHTS_FILE, read_model_folder, write_model_folder
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat"]
SIZES = {
    "image_width_coefficient": 0.25,
    "image_depth_coefficient": 0.1,
    "image_resize_px": 18,
    "image_crop_px": 16,
    "text_layers": 1,
    "text_hidden": 16,
    "text_heads": 2,
    "text_intermediate": 32,
    "text_max_pieces": 6,
    "embedding": 8,
}
MODEL = ModelConfig(**SIZES)


def build(seed: int, model: ModelConfig = MODEL, pieces: int = len(PIECES)):
    keras.utils.set_random_seed(seed)
    return build_dual_encoder(model, TrainingConfig(initial_temperature=1 / (seed + 1)), pieces)


def values(encoder) -> dict[str, bytes]:
    return {weight.path: np.asarray(weight).tobytes() for weight in encoder.weights}


@pytest.fixture(scope="module")
def encoder():
    return build(seed=1)


@pytest.fixture(scope="module")
def other():
    """An encoder of the same sizes that tests may overwrite."""
    return build(seed=2)


@pytest.fixture
def vocabulary(tmp_path) -> str:
    path = tmp_path / "pieces.txt"
    path.write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def folder(encoder, vocabulary, tmp_path) -> Path:
    write_model_folder(str(tmp_path / "model"), encoder, MODEL, vocabulary)
    return tmp_path / "model"


def test_what_is_written_comes_back_bit_for_bit(encoder, other, vocabulary, folder):
    read = read_model_folder(str(folder))
    assert read.model == MODEL
    assert read.pieces == len(PIECES)
    assert Path(read.vocabulary_file).read_bytes() == Path(vocabulary).read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == sorted([MODEL_FILE, VOCABULARY_FILE, WEIGHTS_FILE])
    other.set_weights([weight + 1 for weight in other.get_weights()])
    read.load_into(other)
    assert values(other) == values(encoder)


def as_format_1(folder: Path) -> None:
    """Make of a folder what was written before: NumPy's file of weights."""
    read = load_file(folder / WEIGHTS_FILE)
    (folder / WEIGHTS_FILE).unlink()
    np.savez(folder / "weights.npz", **read)
    content = (folder / "weights.npz").read_bytes()
    described = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
    described["format"] = 1
    described["weights"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / MODEL_FILE).write_text(json.dumps(described), encoding="utf-8")


def test_a_folder_of_format_1_is_read_and_replaced(encoder, other, folder):
    as_format_1(folder)
    other.set_weights([weight + 1 for weight in other.get_weights()])
    read = read_model_folder(str(folder))
    read.load_into(other)
    assert values(other) == values(encoder)
    read.check_vocabulary(str(folder / VOCABULARY_FILE))
    write_model_folder(str(folder), other, MODEL, str(folder / VOCABULARY_FILE))
    assert sorted(path.name for path in folder.iterdir()) == sorted([MODEL_FILE, VOCABULARY_FILE, WEIGHTS_FILE])
    read_model_folder(str(folder)).load_into(build(seed=3))


def test_what_is_wrong_with_a_folder_of_format_1_is_said_as_well(other, folder):
    as_format_1(folder)
    before, path = values(other), folder / "weights.npz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"weights\.npz is cut short or not the one that was written: it has"):
        read_model_folder(str(folder)).load_into(other)
    path.unlink()
    with pytest.raises(ValueError, match=r"lacks weights\.npz, which model\.json speaks of"):
        read_model_folder(str(folder))
    assert values(other) == before


def test_others_read_the_weights_by_safetensors_alone(encoder, folder):
    assert {name: array.tobytes() for name, array in load_file(folder / WEIGHTS_FILE).items()} == values(encoder)


@pytest.mark.parametrize("name", ["m[1]", "m*", "m?"])
def test_a_folder_whose_name_is_like_a_glob_is_that_folder(encoder, other, vocabulary, tmp_path, name):
    other.set_weights([weight + 1 for weight in encoder.get_weights()])
    write_model_folder(str(tmp_path / "m1"), other, MODEL, vocabulary)
    write_model_folder(str(tmp_path / name), encoder, MODEL, vocabulary)
    read_model_folder(str(tmp_path / name)).load_into(other)
    assert values(other) == values(encoder)


def test_a_folder_with_an_address(encoder, other, vocabulary, tmp_path):
    directory = f"file://{tmp_path}/model"  # TensorFlow opens it, as it does a bucket's; NumPy would not
    write_model_folder(directory, encoder, MODEL, vocabulary)
    other.set_weights([weight + 1 for weight in other.get_weights()])
    read_model_folder(directory).load_into(other)
    assert values(other) == values(encoder)


def test_a_newer_model_takes_the_place_of_an_older_one(encoder, other, folder, tmp_path):
    other.set_weights([weight + 1 for weight in other.get_weights()])
    expected = values(other)
    write_model_folder(str(folder), other, MODEL, str(folder / VOCABULARY_FILE))
    fresh = build(seed=3)
    read_model_folder(str(folder)).load_into(fresh)
    assert values(fresh) == expected
    assert {path.name for path in tmp_path.iterdir()} == {"model", "pieces.txt"}


def test_a_full_disk_leaves_the_older_model_whole(encoder, other, folder, tmp_path):
    """The system refuses bytes past a limit as it does on a full disk, in the middle of the weights."""
    other.set_weights([weight + 1 for weight in other.get_weights()])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((folder / WEIGHTS_FILE).stat().st_size // 2, before[1]))
    try:
        with pytest.raises(OSError, match=r"model could not be written: .*; make room or choose another folder"):
            write_model_folder(str(folder), other, MODEL, str(folder / VOCABULARY_FILE))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert {path.name for path in tmp_path.iterdir()} == {"model", "pieces.txt"}
    read_model_folder(str(folder)).load_into(other)
    assert values(other) == values(encoder)


def test_a_writer_that_was_killed_between_its_two_renames(encoder, vocabulary, folder, tmp_path):
    folder.rename(tmp_path / "model.old")
    with pytest.raises(ValueError, match=r"a writer was stopped .*: rename .*model\.old, which is whole"):
        read_model_folder(str(folder))
    write_model_folder(str(folder), encoder, MODEL, vocabulary)
    read_model_folder(str(folder))
    assert not (tmp_path / "model.old").exists()


def test_nothing_foreign_is_deleted(encoder, vocabulary, tmp_path):
    (tmp_path / "holidays").mkdir()
    (tmp_path / "holidays" / "beach.jpg").write_bytes(b"sand")
    for name, sentence in (("holidays", "holds files, but no model.json"), ("pieces.txt", "is a file")):
        with pytest.raises(ValueError, match=sentence):
            write_model_folder(str(tmp_path / name), encoder, MODEL, vocabulary)
    assert (tmp_path / "holidays" / "beach.jpg").read_bytes() == b"sand"


def test_a_vocabulary_of_another_size_is_not_written(encoder, vocabulary, tmp_path):
    with open(vocabulary, "a", encoding="utf-8") as file:
        file.write("dog\n")
    with pytest.raises(ValueError, match="holds 8 pieces, but the text tower embeds 7"):
        write_model_folder(str(tmp_path / "model"), encoder, MODEL, vocabulary)


@pytest.mark.parametrize("name", [MODEL_FILE, VOCABULARY_FILE, WEIGHTS_FILE])
def test_a_missing_file(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=name.replace(".", r"\.")):
        read_model_folder(str(folder))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is no JSON"),
        (b'{"format": 1, "mod', "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[1, 2]", "has the format None, where this version of the project reads 1 and 2; read it"),
        (b'{"format": 3}', "has the format 3, where"),
        (b'{"format": [2]}', r"has the format \[2\], where"),
        (b'{"format": 1}', "does not describe a model: it lacks 'vocabulary'"),
        (b'{"format": 1, "vocabulary": 3}', "does not describe a model: "),
    ],
)
def test_a_damaged_description(folder, content, sentence):
    (folder / MODEL_FILE).write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        read_model_folder(str(folder))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"text_layers": -1}, r"model\.text_layers is -1; it must be"),
        ({"text_wings": 2}, r"model\.text_wings is not a field; did you mean model\.text_h"),
    ],
)
def test_a_description_of_no_model(folder, fields, sentence):
    described = json.loads((folder / MODEL_FILE).read_text(encoding="utf-8"))
    described["model"].update(fields)
    (folder / MODEL_FILE).write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"model\.json does not describe a model: .*{sentence}"):
        read_model_folder(str(folder))


def test_another_vocabulary_of_the_same_length(folder):
    path = folder / VOCABULARY_FILE
    path.write_text(path.read_text(encoding="utf-8").replace("cat", "dog"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"vocab\.txt is damaged: its SHA-256 is "):
        read_model_folder(str(folder))


def test_weights_that_were_cut_short_or_changed_leave_the_model_as_it_was(other, folder):
    before, path = values(other), folder / WEIGHTS_FILE
    whole = path.read_bytes()
    flipped = whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :]
    for content, sentence in (
        (whole[:-100], rf"it has {len(whole) - 100} bytes, model\.json says {len(whole)}"),
        (flipped, r"weights\.safetensors is damaged: its SHA-256 is "),
        (b"", "it has 0 bytes"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=sentence):
            read_model_folder(str(folder)).load_into(other)
    assert values(other) == before


@pytest.mark.parametrize(
    ("fields", "pieces", "sentence"),
    [
        ({"embedding": 12}, 7, r"has image_projection/kernel of shape \[80, 12\], the file has it of shape \[80, 8\]"),
        ({"text_layers": 2}, 7, r"has transformer_layer_1/.* of shape \[.*\], the file has it nowhere"),
        ({}, 9, r"has token_embedding/embeddings of shape \[9, 16\], the file has it of shape \[7, 16\]"),
        ({"embedding": 80}, 7, r"has text_projection/kernel of shape \[16, 80\], the file has it of shape \[16, 8\]"),
    ],
)
def test_weights_of_another_architecture(folder, fields, pieces, sentence):
    built = build(seed=4, model=ModelConfig(**{**SIZES, **fields}), pieces=pieces)
    before = values(built)
    with pytest.raises(ValueError, match=rf"weights\.safetensors is of another architecture: the model {sentence}"):
        read_model_folder(str(folder)).load_into(built)
    assert values(built) == before


def test_a_weight_too_many(folder, encoder):
    shapes = {weight.path: tuple(weight.shape) for weight in encoder.weights}
    with pytest.raises(ValueError, match="it has third_eye/kernel, which the model has not"):
        model_folder._check_shapes("weights.safetensors", {**shapes, "third_eye/kernel": (1,)}, shapes)


def test_the_vocabulary_of_a_run_must_be_the_folders(folder, vocabulary):
    read = read_model_folder(str(folder))
    read.check_vocabulary(vocabulary)
    Path(vocabulary).write_text("\n".join([*PIECES[:-1], "dog"]) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"pieces\.txt differs from .*vocab\.txt, by which the model in"):
        read.check_vocabulary(vocabulary)


def test_the_folder_around_one(folder):
    folder.rename(folder.with_name("checkpoint"))
    with pytest.raises(ValueError, match=r"is no model folder, .*; give .*/checkpoint, which is one"):
        read_model_folder(str(folder.parent))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere is no model folder, as it has no model\.json; give a folder"):
        read_model_folder(str(tmp_path / "nowhere"))
    assert not tf.io.gfile.exists(str(tmp_path / "nowhere"))
