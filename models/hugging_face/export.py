"""The body of `align export-hf`: a model folder becomes what transformers' AlignModel and AlignProcessor load."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from components.artifact_files import MODEL_FILE
from models.config import ModelConfig
from models.hugging_face.config import FIXED_IMAGE_FIELDS, FIXED_TEXT_FIELDS, joined_stage, map_side
from models.hugging_face.files import TENSORS_FILE, write_tensors
from models.hugging_face.importing import CHECKPOINT_FOLDER, CONFIG_FILE
from models.hugging_face.processor import (
    IMAGE_FILE,
    TOKENIZER_CONFIG_FILE,
    VOCABULARY_FILE,
    image_config,
    tokenizer_config,
)
from models.hugging_face.tensors import UNUSED_NAMES, tensors
from models.saving.model_folder import read_model_folder
from models.saving.new_folder import new_folder
from models.towers.dual_encoder import DualEncoder, build_dual_encoder
from models.training_config import TrainingConfig

STEM_STRIDE = 2  # fixed in AlignModel's code
PROCESSOR_CLASS = "AlignProcessor"


def export_hf(folder: Path, to: Path) -> None:
    """Write an AlignModel of the same embeddings, temperature included.

    All weights are written bit for bit. The pooler that transformers computes and never uses is written as zeros; the
    position embedding has as many rows as pieces are read, and there is one segment.

    Args:
      folder: a model folder, or what `align import-hf` wrote.
      to: a new folder, written aside and then renamed.

    Raises:
      ValueError: where the model folder is damaged, or of sizes that an AlignModel cannot have; names the field.
      OSError: where `to` cannot be written.
    """
    if not (folder / MODEL_FILE).is_file() and (folder / CHECKPOINT_FOLDER / MODEL_FILE).is_file():
        folder = folder / CHECKPOINT_FOLDER
    read = read_model_folder(str(folder))
    check_expressible(read.model)
    encoder = build_dual_encoder(read.model, TrainingConfig(), read.pieces)
    read.load_into(encoder)
    with new_folder(to) as aside:
        shutil.copyfile(read.vocabulary_file, aside / VOCABULARY_FILE)
        written = align_tensors(encoder, read.model)
        write_tensors(aside / TENSORS_FILE, written)
        config = align_config(read.model, read.pieces, float(written["temperature"]))
        _write_json(aside / CONFIG_FILE, config)
        _write_json(aside / TOKENIZER_CONFIG_FILE, tokenizer_config(read.model.text_max_pieces) | _PROCESSOR)
        images = image_config(read.model.image_resize_px, read.model.image_crop_px)
        _write_json(aside / IMAGE_FILE, images | _PROCESSOR)


def check_expressible(model: ModelConfig) -> None:
    """Raise ValueError, naming the field, where no AlignModel computes what a model of these sizes does."""
    if model.image_stem_stride != STEM_STRIDE:
        raise ValueError(
            f"model.image_stem_stride is {model.image_stem_stride}, where AlignModel's is always {STEM_STRIDE}; only a "
            f"model that was trained with {STEM_STRIDE} can be exported"
        )
    if model.embedding != model.image_size.features:
        raise ValueError(
            f"model.embedding is {model.embedding}, but the image tower is {model.image_size.features} wide; an "
            "AlignModel has no layer between: only a model that was trained with the two equal can be exported"
        )
    stage = joined_stage(model.image_size)
    if stage is not None:
        raise ValueError(
            f"model.image_width_coefficient is {model.image_size.width_coefficient}, by which stage {stage} of the "
            "image tower keeps its width and adds its input, where AlignModel does not; only a wider one can go out"
        )


def align_config(model: ModelConfig, pieces: int, temperature: float) -> dict[str, Any]:
    """Returns config.json."""
    return {
        "architectures": ["AlignModel"],
        "model_type": "align",
        "dtype": "float32",
        "projection_dim": model.embedding,
        "temperature_init_value": temperature,
        "text_config": {
            "model_type": "align_text_model",
            "vocab_size": pieces,
            "hidden_size": model.text_size.hidden,
            "num_hidden_layers": model.text_size.layers,
            "num_attention_heads": model.text_size.heads,
            "intermediate_size": model.text_size.intermediate,
            "max_position_embeddings": model.text_max_pieces,
            "type_vocab_size": 1,
            "hidden_dropout_prob": model.dropout,
            "attention_probs_dropout_prob": model.dropout,
            **FIXED_TEXT_FIELDS,
        },
        "vision_config": {
            "model_type": "align_vision_model",
            "image_size": model.image_crop_px,
            "width_coefficient": model.image_size.width_coefficient,
            "depth_coefficient": model.image_size.depth_coefficient,
            "depthwise_padding": [],
            "num_hidden_layers": 4 * sum(FIXED_IMAGE_FIELDS["num_block_repeats"]),  # as transformers derives it
            "drop_connect_rate": model.drop_connect,
            "hidden_dim": max(model.embedding, map_side(model.image_crop_px)),
            **FIXED_IMAGE_FIELDS,
        },
    }


def align_tensors(encoder: DualEncoder, model: ModelConfig) -> dict[str, np.ndarray]:
    """Returns name -> array of an AlignModel's weights."""
    by_path = tensors(model)
    found: dict[str, np.ndarray] = {}
    for weight in encoder.weights:
        tensor = by_path[weight.path]
        found[tensor.name] = tensor.to_theirs(ops.convert_to_numpy(weight))
    hidden = model.text_size.hidden
    for name, shape in zip(UNUSED_NAMES, ((hidden, hidden), (hidden,)), strict=True):
        found[name] = np.zeros(shape, np.float32)
    for name in [name for name in found if name.endswith(".running_mean")]:
        found[name.replace(".running_mean", ".num_batches_tracked")] = np.zeros((), np.int64)
    return found


_PROCESSOR = {"processor_class": PROCESSOR_CLASS}


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
