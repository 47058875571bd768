"""A model folder: all that makes a dual encoder again, sizes, vocabulary and weights, checked as it is read.

```
<folder>/
  model.json          {"format": 2, "model": fields of ModelConfig, "vocabulary": FILE + {"pieces": n}, "weights": FILE}
  vocab.txt           one piece a line; a piece's id is its line number, counted from 0
  weights.safetensors one tensor a weight, float32, named by its path, such as "block1a_dwconv/kernel"
```
FILE is {"bytes": n, "sha256": hex}. A folder of format 1, which is read too, has NumPy's weights.npz instead.

Not Keras's HDF5 file of weights: the library that writes it ends the whole process by a segmentation fault where the
disk is full, and does not notice bytes that changed.
"""

from __future__ import annotations

import hashlib
import io
import json
import posixpath
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors.numpy
import tensorflow as tf
from keras import ops

from components.artifact_files import MODEL_FILE, VOCABULARY_FILE
from components.config_fields import build_fields
from models.config import ModelConfig
from models.saving.whole import BEFORE, whole_folder
from models.texts.tokenizer import Tokenizer

if TYPE_CHECKING:
    from models.towers.dual_encoder import DualEncoder

WEIGHTS_FILE = "weights.safetensors"
FORMAT = 2
WEIGHTS_FILES = {1: "weights.npz", FORMAT: WEIGHTS_FILE}  # by a folder's format


@dataclass(frozen=True)
class FileFacts:
    """By which a file is known to be the one that was written: its length in bytes and hex SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class ModelFolder:
    """What a folder says of its model; the weights stay on disk until `load_into`.

    Attributes:
      directory: where it was read, local or remote.
      model: sizes.
      vocabulary_file: path of its vocab.txt, whose bytes are those that were written.
      weights_file: path of its weights.
      pieces: number of word pieces.
      vocabulary, weights: what model.json says of each file.
    """

    directory: str
    model: ModelConfig
    vocabulary_file: str
    weights_file: str
    pieces: int
    vocabulary: FileFacts
    weights: FileFacts

    def load_into(self, encoder: DualEncoder) -> None:
        """Set all weights of `encoder`, the temperature's among them; all or none.

        Raises:
          ValueError: where the file is damaged, or a weight of the encoder is missing in it or has another shape.
        """
        path = self.weights_file
        content = _read_whole(path, self.weights)
        read = np.load(io.BytesIO(content)) if path.endswith(".npz") else safetensors.numpy.load(content)
        arrays = dict(read)
        shapes = {name: array.shape for name, array in arrays.items()}
        _check_shapes(path, shapes, {weight.path: tuple(weight.shape) for weight in encoder.weights})
        for weight in encoder.weights:
            weight.assign(arrays[weight.path])

    def check_vocabulary(self, vocabulary_file: str) -> None:
        """Raise ValueError where the bytes of another vocabulary file are not those of this folder's."""
        if _facts_of(_content(vocabulary_file)) != self.vocabulary:
            raise ValueError(
                f"vocabulary {vocabulary_file} differs from {self.vocabulary_file}, by which the model in "
                f"{self.directory} reads texts; give the pipeline that vocabulary, or start from another model"
            )


def write_model_folder(directory: str, encoder: DualEncoder, model: ModelConfig, vocabulary_file: str) -> None:
    """Write a model folder aside, then put it in the place of an older one, which stays whole if writing fails.

    Args:
      directory: local or remote; a folder there is replaced if it is a model folder.
      encoder: whose weights are written.
      model: sizes that it was built by.
      vocabulary_file: of its text tower, local or remote; may lie in the folder that is replaced.

    Raises:
      ValueError: where the directory holds something else, or the vocabulary is of another size than the text tower.
      OSError: where the disk is full or refuses; what was there before is untouched.
    """
    directory = directory.rstrip("/")
    _check_replaceable(directory)
    pieces = Tokenizer.from_file(vocabulary_file, model.text_max_pieces).size
    if pieces != encoder.text_tower.vocabulary_size:
        raise ValueError(
            f"vocabulary {vocabulary_file} holds {pieces} pieces, but the text tower embeds "
            f"{encoder.text_tower.vocabulary_size}; give the vocabulary that it was built with"
        )
    try:
        vocabulary, weights = _content(vocabulary_file), safetensors.numpy.save(_arrays(encoder))
        described = {
            "format": FORMAT,
            "model": asdict(model),
            "vocabulary": {**asdict(_facts_of(vocabulary)), "pieces": pieces},
            "weights": asdict(_facts_of(weights)),
        }
        facts = (json.dumps(described, indent=2) + "\n").encode()
        with whole_folder(directory) as aside:
            for name, content in ((VOCABULARY_FILE, vocabulary), (WEIGHTS_FILE, weights), (MODEL_FILE, facts)):
                with tf.io.gfile.GFile(posixpath.join(aside, name), "wb") as file:
                    file.write(content)
    except (OSError, tf.errors.OpError) as error:
        cause = " ".join(str(getattr(error, "message", error)).split())  # some of TensorFlow's errors print as nothing
        raise OSError(
            f"{directory} could not be written: {cause}; make room or choose another folder (what it held before is "
            "untouched)"
        ) from error


def read_model_folder(directory: str) -> ModelFolder:
    """Read and check what a model folder says of its model, and its vocabulary.

    Args:
      directory: local or remote, as `write_model_folder` wrote it.

    Raises:
      ValueError: where it is missing, damaged, foreign or of another format; the sentence says which file and why.
    """
    directory = directory.rstrip("/")
    path = posixpath.join(directory, MODEL_FILE)
    described = _parsed(path)
    try:
        vocabulary = dict(described["vocabulary"])
        folder = ModelFolder(
            directory,
            build_fields(ModelConfig, described["model"], "model"),
            posixpath.join(directory, VOCABULARY_FILE),
            posixpath.join(directory, WEIGHTS_FILES[described["format"]]),
            vocabulary.pop("pieces"),
            FileFacts(**vocabulary),
            FileFacts(**described["weights"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        cause = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path} does not describe a model: {cause}; write the folder again") from error
    for file in (folder.vocabulary_file, folder.weights_file):
        if not tf.io.gfile.exists(file):
            name = posixpath.basename(file)
            raise ValueError(f"{directory} lacks {name}, which {MODEL_FILE} speaks of; copy the folder again, whole")
    _read_whole(folder.vocabulary_file, folder.vocabulary)
    return folder


def _parsed(path: str) -> dict[str, Any]:
    """Returns the content of model.json, of this format; raises ValueError."""
    directory = path.rpartition("/")[0]
    if not tf.io.gfile.exists(path):
        remedy = "give a folder that training, or align import-hf, wrote"
        if tf.io.gfile.exists(posixpath.join(directory + BEFORE, MODEL_FILE)):
            remedy = f"a writer was stopped as it put a new one there: rename {directory}{BEFORE}, which is whole"
        elif tf.io.gfile.exists(posixpath.join(directory, "checkpoint", MODEL_FILE)):
            remedy = f"give {directory}/checkpoint, which is one"
        raise ValueError(f"{directory} is no model folder, as it has no {MODEL_FILE}; {remedy}")
    try:
        described = json.loads(_content(path).decode("utf-8"))
    except ValueError as error:  # not UTF-8, or not JSON
        raise ValueError(f"{path} is no JSON: {error}; write the folder again") from error
    version = described.get("format") if isinstance(described, dict) else None
    if version not in (*WEIGHTS_FILES,):
        raise ValueError(
            f"{path} has the format {version!r}, where this version of the project reads "
            f"{' and '.join(map(str, WEIGHTS_FILES))}; read it with the version that wrote it, or write it again with "
            "this one"
        )
    return described


def _check_shapes(path: str, found: dict[str, tuple[int, ...]], wanted: dict[str, tuple[int, ...]]) -> None:
    """Raise ValueError at the first weight, in the encoder's order, that a file lacks or has in another shape."""
    for name, shape in wanted.items():
        if found.get(name) != shape:
            has = f"of shape {list(found[name])}" if name in found else "nowhere"
            raise ValueError(
                f"{path} is of another architecture: the model has {name} of shape {list(shape)}, the file has it "
                f"{has}; build the model by the {MODEL_FILE} beside it"
            )
    foreign = [name for name in found if name not in wanted]
    if foreign:
        raise ValueError(
            f"{path} is of another architecture: it has {foreign[0]}, which the model has not; build the model by the "
            f"{MODEL_FILE} beside it"
        )


def _check_replaceable(directory: str) -> None:
    """Raise ValueError where writing would delete what is not ours."""
    if not tf.io.gfile.exists(directory):
        return
    if not tf.io.gfile.isdir(directory):
        raise ValueError(f"{directory} is a file; give a folder to write the model to")
    if tf.io.gfile.listdir(directory) and not tf.io.gfile.exists(posixpath.join(directory, MODEL_FILE)):
        raise ValueError(f"{directory} holds files, but no {MODEL_FILE}; give a new folder to write the model to")


def _arrays(encoder: DualEncoder) -> dict[str, np.ndarray]:
    """Returns path -> value of all weights, laid out in C's order: safetensors writes the bytes as they lie."""
    arrays: dict[str, np.ndarray] = {}
    for weight in encoder.weights:
        if weight.path in arrays:
            raise ValueError(f"two weights of the model are called {weight.path}; rename a layer of one")
        arrays[weight.path] = np.require(ops.convert_to_numpy(weight), requirements="C")
    return arrays


def _content(path: str) -> bytes:
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()


def _read_whole(path: str, expected: FileFacts) -> bytes:
    """Returns a file's content; raises ValueError where it is not the one that was written."""
    content = _content(path)
    facts = _facts_of(content)
    if facts.bytes != expected.bytes:
        raise ValueError(
            f"{path} is cut short or not the one that was written: it has {facts.bytes} bytes, {MODEL_FILE} says "
            f"{expected.bytes}; copy the folder again, whole"
        )
    if facts != expected:
        raise ValueError(
            f"{path} is damaged: its SHA-256 is {facts.sha256[:12]}..., {MODEL_FILE} says {expected.sha256[:12]}...; "
            "copy the folder again, whole"
        )
    return content


def _facts_of(content: bytes) -> FileFacts:
    return FileFacts(len(content), hashlib.sha256(content).hexdigest())
