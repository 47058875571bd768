"""The body of `align import-hf`: a Hugging Face AlignModel's folder becomes a model folder and a served model.

```
<to>/
  checkpoint/   a model folder (models/saving/model_folder.py): training.base_model takes its path, and align export-hf
  servable/1/   a SavedModel with preprocessing and tokenizer inside: a base path of TensorFlow Serving is <to>/servable
```
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from models.config import ModelConfig
from models.hugging_face.config import model_config, vocabulary_size
from models.hugging_face.files import read_json, read_tensors
from models.hugging_face.processor import image_sizes, read_pieces
from models.hugging_face.tensors import TEMPERATURE, UNUSED_ENDINGS, UNUSED_NAMES, tensors
from models.saving.export import ServedEncoder, export
from models.saving.model_folder import write_model_folder
from models.saving.new_folder import new_folder
from models.texts.tokenizer import Tokenizer
from models.towers.dual_encoder import DualEncoder, build_dual_encoder
from models.training_config import TrainingConfig

CONFIG_FILE = "config.json"
CHECKPOINT_FOLDER, SERVABLE_FOLDER = "checkpoint", "servable"


def import_hf(directory: Path, to: Path) -> ModelConfig:
    """Turn an AlignModel into a model folder and a SavedModel, whose embeddings are its own to 1e-4.

    Args:
      directory: config.json, model.safetensors (or its shards), preprocessor_config.json, and vocab.txt or
        tokenizer.json, in the layout of kakaobrain/align-base.
      to: a new folder, written aside and then renamed.

    Returns:
      The sizes that it has.

    Raises:
      ValueError: where a file is missing or damaged, or says what our model cannot honour; names file and field.
      OSError: where `to` cannot be written.
    """
    config = read_json(directory / CONFIG_FILE)
    model = model_config(config, *image_sizes(directory))
    pieces = read_pieces(directory)
    if len(pieces) != vocabulary_size(config):
        raise ValueError(
            f"the vocabulary of {directory} holds {len(pieces)} pieces, but {CONFIG_FILE} has text_config.vocab_size = "
            f"{vocabulary_size(config)}; give the vocabulary that the model was trained with"
        )
    with new_folder(to) as aside, tempfile.TemporaryDirectory() as scratch:
        listed = Path(scratch) / "vocab.txt"
        listed.write_text("\n".join(pieces) + "\n", encoding="utf-8", newline="\n")
        tokenizer = Tokenizer.from_file(str(listed), model.text_max_pieces)
        found = read_tensors(directory)
        encoder = build_dual_encoder(model, TrainingConfig(), tokenizer.size)
        assign(encoder, model, found)
        write_model_folder(str(aside / CHECKPOINT_FOLDER), encoder, model, str(listed))
        export(ServedEncoder(encoder, model, tokenizer), str(aside / SERVABLE_FOLDER / "1"))
    return model


def assign(encoder: DualEncoder, model: ModelConfig, found: Mapping[str, np.ndarray]) -> None:
    """Set all weights of an encoder from an AlignModel's tensors.

    Raises:
      ValueError: where a tensor is missing, has another shape than config.json makes it, is not finite, belongs to no
        AlignModel, or is a negative variance or a temperature of 0 or below.
    """
    by_path = tensors(model)
    arrays = {}
    for weight in encoder.weights:
        tensor = by_path[weight.path]
        if tensor.name not in found:
            raise ValueError(f"the model's tensors lack {tensor.name}; copy the folder again, whole")
        theirs = found[tensor.name]
        try:
            ours = tensor.to_ours(theirs, tuple(weight.shape))
        except ValueError:  # its axes, or the number of its values, are others
            ours = theirs
        if ours.shape != tuple(weight.shape):
            raise ValueError(
                f"the tensor {tensor.name} has the shape {list(theirs.shape)}, which does not fit {weight.path} of "
                f"{list(weight.shape)}, as {CONFIG_FILE} makes it; the two belong to different models"
            )
        if not np.isfinite(ours).all():
            raise ValueError(f"the tensor {tensor.name} holds numbers that are not finite; copy the folder again")
        if weight.path.endswith("moving_variance") and ours.min() < 0:
            raise ValueError(
                f"the tensor {tensor.name} holds {ours.min():g}, a negative variance; copy the folder again"
            )
        if weight.path == TEMPERATURE and ours <= 0:
            raise ValueError(
                f"the tensor {tensor.name} is {ours:g}, and cosines are divided by it; a temperature is above 0: copy "
                "the folder again"
            )
        arrays[weight.path] = ours
    known = {tensor.name for tensor in by_path.values()} | set(UNUSED_NAMES)
    foreign = [name for name in found if name not in known and not name.endswith(UNUSED_ENDINGS)]
    if foreign:
        raise ValueError(
            f"the model's tensors include {foreign[0]}, which an AlignModel of {CONFIG_FILE}'s sizes has not; the two "
            "belong to different models"
        )
    for weight in encoder.weights:
        weight.assign(arrays[weight.path])
