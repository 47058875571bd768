"""The body of `align export`: a model folder becomes a SavedModel of both halves, or of one alone.

Who searches by texts needs no image weights, and who indexes images none of the text tower.

```
<to>/
  1/   a SavedModel: a base path of TensorFlow Serving is <to>
```
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from models.saving.bfloat16_units import precision_here
from models.saving.export import ServedEncoder, export, served_images, served_texts
from models.saving.folding import Precision
from models.saving.model_folder import read_model_folder
from models.saving.new_folder import new_folder
from models.saving.served import ServedImages, ServedPair, ServedTexts
from models.texts.tokenizer import Tokenizer
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig

Tower = Literal["image", "text"]
VERSION = "1"


def precision_named(word: str) -> Precision:
    """Returns a precision by its name; "auto" is that of this machine."""
    return precision_here() if word == "auto" else "bfloat16" if word == "bfloat16" else "float32"


def export_folder(directory: Path, to: Path, tower: Tower | None = None, precision: Precision = "float32") -> None:
    """Write what is served of a model folder; it embeds as the whole does.

    Args:
      directory: a model folder, as training and `align import-hf` write it.
      to: a new folder, written aside and then renamed.
      tower: the one to write; None for both.
      precision: of the image tower's arithmetic.

    Raises:
      ValueError: where the folder is missing or damaged, or `to` is there already.
      OSError: where `to` cannot be written.
    """
    read = read_model_folder(str(directory))
    tokenizer = Tokenizer.from_file(read.vocabulary_file, read.model.text_max_pieces)
    encoder = build_dual_encoder(read.model, TrainingConfig(), read.pieces)
    read.load_into(encoder)
    served: ServedPair | ServedImages | ServedTexts
    if tower == "image":
        served = served_images(encoder, read.model, precision=precision)
    elif tower == "text":
        served = served_texts(encoder, tokenizer)
    else:
        served = ServedEncoder(encoder, read.model, tokenizer, precision=precision)
    with new_folder(to) as aside:
        export(served, str(aside / VERSION))
