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

from models.saving.export import ServedEncoder, export, served_images, served_texts
from models.saving.model_folder import read_model_folder
from models.saving.new_folder import new_folder
from models.saving.served import ServedImages, ServedPair, ServedTexts
from models.texts.tokenizer import Tokenizer
from models.towers.dual_encoder import build_dual_encoder
from models.training_config import TrainingConfig
from serving.normal_form import MAX_IMAGE_PIXELS
from serving.precision import Precision, precision_here

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
    served = _read(str(directory), tower, precision)
    with new_folder(to) as aside:
        export(served, str(aside / VERSION))


def export_anew(directory: str, to: str, precision: Precision, max_image_pixels: int) -> None:
    """Write what is served of a model folder in another precision than training does: the Exporter's `export_fn`.

    Args:
      directory: a model folder, local or remote.
      to: folder of the SavedModel, local or remote, which appears whole.
      precision: of the image tower's arithmetic.
      max_image_pixels: above which the model refuses an image.

    Raises:
      ValueError: where the folder is missing or damaged.
    """
    export(_read(directory, None, precision, max_image_pixels), to)


def _read(
    directory: str, tower: Tower | None, precision: Precision, max_image_pixels: int = MAX_IMAGE_PIXELS
) -> ServedPair | ServedImages | ServedTexts:
    read = read_model_folder(directory)
    tokenizer = Tokenizer.from_file(read.vocabulary_file, read.model.text_max_pieces)
    encoder = build_dual_encoder(read.model, TrainingConfig(), read.pieces)
    read.load_into(encoder)
    if tower == "image":
        return served_images(encoder, read.model, max_image_pixels, precision)
    if tower == "text":
        return served_texts(encoder, tokenizer)
    return ServedEncoder(encoder, read.model, tokenizer, max_image_pixels, precision)
