"""`align export-hf`: what goes out is what came in, bit for bit, and what no AlignModel can be is refused."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file
from transformers import AlignConfig, BertTokenizerFast

from components.artifact_files import MODEL_FILE
from models.config import ModelConfig
from models.hugging_face.export import align_config, check_expressible, export_hf
from models.hugging_face.importing import import_hf
from models.hugging_face.processor import image_config, image_sizes, read_pieces
from models.hugging_face.tensors import tensors
from models.saving.model_folder import read_model_folder, write_model_folder
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig

FIXTURE = Path(__file__).parent / "fixture" / "model"
CUT = ("text_model.embeddings.position_embeddings.weight", "text_model.embeddings.token_type_embeddings.weight")
POOLER = ("text_model.pooler.dense.weight", "text_model.pooler.dense.bias")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    """The fixture imported, and that exported."""
    root = tmp_path_factory.mktemp("there and back")
    import_hf(FIXTURE, root / "ours")
    export_hf(root / "ours", root / "theirs")
    return root / "ours", root / "theirs"


def test_there_and_back_all_tensors_are_the_same_bits(folders):
    before, after = load_file(FIXTURE / "model.safetensors"), load_file(folders[1] / "model.safetensors")
    assert set(after) == set(before)
    for name, array in before.items():
        assert after[name].dtype == array.dtype
        if name in CUT:
            assert after[name].tobytes() == array[: len(after[name])].tobytes()
        elif name in POOLER or name.endswith("num_batches_tracked"):  # used by nothing
            assert after[name].shape == array.shape
            assert not after[name].any()
        else:
            assert after[name].shape == array.shape, name
            assert after[name].tobytes() == array.tobytes(), name
    assert [len(after[name]) for name in CUT] == [64, 1]  # the pieces that are read, and one segment


def test_there_and_back_and_there_again_is_the_same_folder(folders, tmp_path):
    import_hf(folders[1], tmp_path / "again")
    first, second = (
        {path.name: path.read_bytes() for path in (folder / "checkpoint").iterdir() if path.suffix != ".npz"}
        for folder in (folders[0], tmp_path / "again")
    )
    assert json.loads(first[MODEL_FILE])["model"] == json.loads(second[MODEL_FILE])["model"]
    assert first["vocab.txt"] == second["vocab.txt"]
    ours, again = (read_model_folder(str(folder / "checkpoint")).weights for folder in (folders[0], tmp_path / "again"))
    assert ours == again


def test_transformers_reads_the_configs_and_the_vocabulary(folders):
    """Its models need PyTorch, which is not here; fixture/check_export.py loads them by hand."""
    config = AlignConfig.from_pretrained(folders[1])
    before = AlignConfig.from_pretrained(FIXTURE)
    for section in ("text_config", "vision_config"):
        ours, theirs = getattr(config, section).to_dict(), getattr(before, section).to_dict()
        ours.pop("position_embedding_type", None)  # of older versions
        differing = {field for field in theirs if ours.get(field) != theirs[field]}
        assert differing == ({"max_position_embeddings", "type_vocab_size"} if section == "text_config" else set())
    assert config.temperature_init_value == pytest.approx(0.0186)
    tokenizer = BertTokenizerFast.from_pretrained(folders[1])
    text = "naïve café 猫 unbelievable"
    assert tokenizer(text).input_ids == BertTokenizerFast.from_pretrained(FIXTURE)(text).input_ids


def test_the_model_folder_alone_will_do(folders, tmp_path):
    export_hf(folders[0] / "checkpoint", tmp_path / "to")
    for path in folders[1].iterdir():
        assert (tmp_path / "to" / path.name).read_bytes() == path.read_bytes()


def test_our_own_configs_are_read_back():
    model = ModelConfig(image="b7", text="base", text_max_pieces=64)
    config = align_config(model, 30522, 0.02)
    assert config["vision_config"]["hidden_dim"] == 640  # as kakaobrain/align-base has it
    assert config["projection_dim"] == 640
    assert image_config(346, 289)["rescale_factor"] == pytest.approx(1 / 127.5)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"image_stem_stride": 1}, r"model\.image_stem_stride is 1, where AlignModel's is always 2"),
        ({"image": "b5"}, r"model\.embedding is 640, but the image tower is 512 wide"),
        (
            {"image_width_coefficient": 0.25, "image_depth_coefficient": 0.1, "embedding": 80},
            r"model\.image_width_coefficient is 0\.25, by which stage 1 of the image tower keeps its width",
        ),
    ],
)
def test_a_model_that_no_align_model_is_is_refused_by_its_field(fields, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_expressible(ModelConfig(**fields))


@pytest.mark.parametrize(("image", "embedding"), [("b0", 320), ("b5", 512), ("b7", 640), ("l2", 1376)])
def test_published_sizes_can_be_exported(image, embedding):
    check_expressible(ModelConfig(image=image, embedding=embedding))


def test_a_model_of_our_own_goes_out_and_comes_back(tmp_path):
    """Trained by us, of depth and widths of its own, with heads of more than one size."""
    keras.utils.set_random_seed(0)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "cat", "##s"]
    (tmp_path / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    model = ModelConfig(
        image_width_coefficient=0.35,
        image_depth_coefficient=0.6,
        image_resize_px=33,
        image_crop_px=32,
        text_layers=1,
        text_hidden=24,
        text_heads=3,
        text_intermediate=20,
        text_max_pieces=7,
        embedding=112,
    )
    encoder = build_dual_encoder(model, TrainingConfig(initial_temperature=0.25), len(pieces))
    write_model_folder(str(tmp_path / "ours"), encoder, model, str(tmp_path / "vocab.txt"))
    export_hf(tmp_path / "ours", tmp_path / "theirs")
    assert image_sizes(tmp_path / "theirs") == (33, 32)
    assert read_pieces(tmp_path / "theirs") == pieces
    import_hf(tmp_path / "theirs", tmp_path / "again")
    ours, again = (read_model_folder(str(tmp_path / name)) for name in ("ours", "again/checkpoint"))
    assert again.model == ours.model
    assert again.weights == ours.weights


def test_each_weight_has_one_tensor():
    model = ModelConfig(image="b0", text="tiny", embedding=320)
    found = tensors(model)
    assert len({tensor.name for tensor in found.values()}) == len(found)


def test_layouts_by_hand():
    """Of two heads of one value: [out, in] and [in, head, value]; for the output, [out, in] and [head, value, out]."""
    found = tensors(ModelConfig(image="b0", text="tiny", embedding=320))
    query = found["transformer_layer_0/self_attention_layer/query/kernel"]
    theirs = np.float32([[1, 2], [3, 4]])
    ours = query.to_ours(theirs, (2, 2, 1))
    assert ours.tolist() == [[[1], [3]], [[2], [4]]]
    assert query.to_theirs(ours).tolist() == theirs.tolist()
    output = found["transformer_layer_0/self_attention_layer/attention_output/kernel"]
    ours = output.to_ours(theirs, (2, 1, 2))
    assert ours.tolist() == [[[1, 3]], [[2, 4]]]
    assert output.to_theirs(ours).tolist() == theirs.tolist()
    depthwise = found["block1a_dwconv/kernel"]
    assert depthwise.to_ours(np.zeros((5, 1, 3, 2)), (3, 2, 5, 1)).shape == (3, 2, 5, 1)
    assert found["stem_conv/kernel"].to_ours(np.zeros((4, 3, 5, 2)), (5, 2, 3, 4)).shape == (5, 2, 3, 4)
