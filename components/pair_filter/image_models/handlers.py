"""Runs a SavedModel or an ONNX model on images, directly or as the handler that Beam's RunInference asks for.

Beam's own handlers serve neither kind here: its TensorFlow one loads through Keras, which since version 3 refuses
SavedModels, and its ONNX one imports the onnx package, which running a model does not need.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from apache_beam.ml.inference.base import ModelHandler

from components.pair_filter.judging.model_input import scaled
from components.pair_filter.model_config import ImageModelConfig


class _Session(Protocol):
    """A loaded model: scaled images in, one output as an array out."""

    def __call__(self, images: np.ndarray) -> np.ndarray: ...


class ImageModel:
    """A loaded model.

    Raises:
      ValueError: in one sentence, where it is missing, is not a model, lacks the output, or does not take the images.
    """

    def __init__(self, config: ImageModelConfig) -> None:
        self.config = config
        if not tf.io.gfile.exists(config.path):
            raise ValueError(f"the model {config.path} does not exist; give a SavedModel's folder or an .onnx file")
        try:
            self._run: _Session = (_OnnxSession if config.is_onnx else _SavedModelSession)(config)
        except _NotAsConfiguredError as error:
            raise ValueError(f"the model {config.path} {error}") from error
        except Exception as error:  # what the two frameworks raise on a bad file has no common type
            kind = "an ONNX model" if config.is_onnx else "a SavedModel"
            raise ValueError(f"the model {config.path} does not load as {kind}: {_reason(error)}") from error

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Run the model.

        Args:
          pixels: [B, side, side, 3] uint8.

        Returns:
          [B, C] float32, the output with all but its first axis flattened.
        """
        output = np.asarray(self._run(scaled(pixels, self.config)))
        if output.ndim == 0 or len(output) != len(pixels):
            raise ValueError(f"it returned an output of shape {output.shape} for {len(pixels)} images")
        return output.reshape(len(pixels), -1).astype(np.float32)

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        """Returns [B] float32 probabilities of [B, side, side, 3] uint8 images."""
        output, columns = self(pixels), self.config.columns
        if columns and max(columns) >= output.shape[1]:
            raise ValueError(f"it has {output.shape[1]} columns, numbered from 0, and columns asks for {columns}")
        if not columns and output.shape[1] != 1:
            raise ValueError(f"it has {output.shape[1]} columns; name in columns those that are unsafe")
        scores = output[:, columns or (0,)].sum(axis=1)
        if not (np.all(scores >= -_ROUNDING) and np.all(scores <= 1 + _ROUNDING)):  # NaN too
            worst = scores[~((scores >= -_ROUNDING) & (scores <= 1 + _ROUNDING))][0]
            raise ValueError(f"it returned {worst:g} as a score, which is no probability; take an output from 0 to 1")
        return scores.clip(0, 1)

    def embeddings(self, pixels: np.ndarray) -> np.ndarray:
        """Returns [B, D] float32 unit vectors of [B, side, side, 3] uint8 images."""
        output = self(pixels)
        lengths = np.linalg.norm(output, axis=1, keepdims=True)
        if not np.all(np.isfinite(lengths)):
            raise ValueError("it returned an embedding that is not finite")
        return output / np.maximum(lengths, np.finfo(np.float32).tiny)  # one of zeros stays so, next to nothing


_ROUNDING = 1e-3  # what float16 models and added classes may exceed 1 by


class _NotAsConfiguredError(ValueError):
    """Says, after the model's name, how it differs from its config."""


class _SavedModelSession:
    def __init__(self, config: ImageModelConfig) -> None:
        loaded = tf.saved_model.load(config.path)
        if config.signature not in loaded.signatures:
            raise _NotAsConfiguredError(
                f"has no signature {config.signature!r}; it has {sorted(map(str, loaded.signatures))}"
            )
        self._model = loaded  # whose variables live as long as it is referred to
        self._signature = loaded.signatures[config.signature]
        inputs = self._signature.structured_input_signature[1]
        if len(inputs) != 1:
            raise _NotAsConfiguredError(f"takes {len(inputs)} inputs, {sorted(inputs)}; it must take images alone")
        ((self._input, spec),) = inputs.items()
        if not (spec.dtype.is_floating or spec.dtype == tf.uint8):
            raise _NotAsConfiguredError(f"takes {spec.dtype.name}; images are floats or uint8")
        self._spec = spec
        self._output = _chosen_output(config, sorted(self._signature.structured_outputs))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        if not self._spec.shape.is_compatible_with(images.shape):  # a signature runs what it can with any shape
            raise ValueError(f"it takes {self._spec.shape}, and the images are {images.shape}")
        answers = self._signature(**{self._input: tf.constant(images.astype(self._spec.dtype.as_numpy_dtype))})
        return answers[self._output].numpy()


class _OnnxSession:
    _DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}  # noqa: RUF012

    def __init__(self, config: ImageModelConfig) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise _NotAsConfiguredError(
                "is an ONNX file and onnxruntime is not installed; install the extra: pip install 'align-tfx[onnx]'"
            ) from error
        with tf.io.gfile.GFile(config.path, "rb") as file:
            self._session = onnxruntime.InferenceSession(file.read(), providers=onnxruntime.get_available_providers())
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise _NotAsConfiguredError(
                f"takes {len(inputs)} inputs, {[each.name for each in inputs]}; it must take images alone"
            )
        if inputs[0].type not in self._DTYPES:
            raise _NotAsConfiguredError(f"takes {inputs[0].type}; images are one of {', '.join(self._DTYPES)}")
        self._input, self._dtype = inputs[0].name, self._DTYPES[inputs[0].type]
        self._output = _chosen_output(config, [each.name for each in self._session.get_outputs()])

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return self._session.run([self._output], {self._input: images.astype(self._dtype)})[0]


def _chosen_output(config: ImageModelConfig, names: list[str]) -> str:
    if config.output in names:
        return config.output
    if not config.output and len(names) == 1:
        return names[0]
    if not config.output:
        raise _NotAsConfiguredError(f"has the outputs {names}; name one of them in output")
    raise _NotAsConfiguredError(f"has no output {config.output!r}; it has {names}")


def check_scorer(config: ImageModelConfig) -> None:
    """Load a scorer and try it on blank images, so that what is wrong with it is said before a job starts.

    Raises:
      ValueError: in one sentence.
    """
    _try_on_blanks(ImageModel(config), "scores")


def check_embedder(config: ImageModelConfig) -> None:
    """As `check_scorer`, for a model that embeds."""
    _try_on_blanks(ImageModel(config), "embeddings")


def _try_on_blanks(model: ImageModel, kind: str) -> None:
    side = model.config.image_px
    for images in sorted({1, model.config.batch}):  # a file's last batch may be of any size
        try:
            getattr(model, kind)(np.zeros((images, side, side, 3), np.uint8))
        except Exception as error:  # what a model raises has no common type
            raise ValueError(
                f"the model {model.config.path} does not take {images} blank images of {side} x {side} px, "
                f"{model.config.layout}, {model.config.scale}: {_reason(error)}"
            ) from error


@dataclass(frozen=True)
class ImageBatch:
    """Some images of one file.

    Attributes:
      rows: [B] int64, numbers of their records in the file.
      names: [B] names of their records.
      pixels: [B, side, side, 3] uint8.
    """

    rows: np.ndarray
    names: tuple[str, ...]
    pixels: np.ndarray


@dataclass(frozen=True)
class Answers:
    """What a model says of a batch.

    Attributes:
      rows, names: [B], as in the batch.
      values: [B] float32 scores, or [B, D] float32 unit vectors.
    """

    rows: np.ndarray
    names: tuple[str, ...]
    values: np.ndarray


class _Handler(ModelHandler[ImageBatch, Answers, ImageModel]):
    """Runs whole batches. A batch is made of one file's images in their order, so the same input makes the same batches
    and, where rounding depends on the batch, the same answers.
    """

    def __init__(self, config: ImageModelConfig, kind: str) -> None:
        super().__init__()
        self._config, self._kind = config, kind

    def load_model(self) -> ImageModel:
        return ImageModel(self._config)

    def run_inference(
        self, batch: Sequence[ImageBatch], model: ImageModel, inference_args: dict[str, Any] | None = None
    ) -> Iterator[Answers]:
        for images in batch:
            try:
                values = getattr(model, self._kind)(images.pixels)
            except Exception as error:  # what a model raises has no common type
                raise RuntimeError(
                    f"the model {self._config.path} failed on {len(images.rows)} images, the first of them "
                    f"{images.names[0]}: {_reason(error)}"
                ) from error
            yield Answers(images.rows, images.names, values)

    def get_num_bytes(self, batch: Sequence[ImageBatch]) -> int:
        return sum(images.pixels.nbytes for images in batch)


class ScoreHandler(_Handler):
    """Gives each image a probability."""

    def __init__(self, config: ImageModelConfig) -> None:
        super().__init__(config, "scores")


class EmbedHandler(_Handler):
    """Gives each image a unit vector."""

    def __init__(self, config: ImageModelConfig) -> None:
        super().__init__(config, "embeddings")


def _reason(error: Exception) -> str:
    """Returns one line of an error's message: the first, or of TensorFlow's the last, to which its traces lead up."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.strip().startswith("[[")]
    if not lines:
        return type(error).__name__
    return lines[-1] if isinstance(error, tf.errors.OpError) else lines[0]
