"""The served model: one SavedModel whose signatures take bytes and strings and answer unit vectors.

Legend: N requests in a batch, C captions of the image that has most in the batch, D embedding dimension.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from components import schema
from models.config import ModelConfig
from models.images import preprocessing
from models.saving.folding import FoldedTower
from models.saving.served import ServedImages, ServedPair, ServedTexts, strings
from models.saving.warm_up import write_warm_up
from models.saving.whole import whole_folder
from models.texts.tokenizer import Tokenizer
from models.towers.dual_encoder import DualEncoder
from serving import signatures
from serving.normal_form import MAX_IMAGE_PIXELS
from serving.precision import Precision

_EXAMPLE_FEATURES = {
    schema.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string),
    schema.CAPTION_TEXT: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    schema.CLASS_LABEL: tf.io.FixedLenFeature([], tf.string, default_value=schema.NO_LABEL),
    schema.CLASS_TEXTS: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
}


class ServedEncoder(ServedPair):
    """A dual encoder in inference mode with preprocessing and tokenizer inside, by the names of serving/signatures.py.

    Args:
      encoder: the trained towers, on one device. The image tower is folded, so its weights are those of now.
      model: sizes of images and texts.
      tokenizer: of texts; its vocabulary travels in the graph.
      max_image_pixels: width x height above which `encode_image` refuses an image by its header.
      precision: of the image tower's arithmetic; that of the text tower is the encoder's.
    """

    def __init__(
        self,
        encoder: DualEncoder,
        model: ModelConfig,
        tokenizer: Tokenizer,
        max_image_pixels: int = MAX_IMAGE_PIXELS,
        precision: Precision = "float32",
    ) -> None:
        super().__init__(
            served_images(encoder, model, max_image_pixels, precision),
            served_texts(encoder, tokenizer),
            float(encoder.temperature),
        )
        self._model = model

    def by_signature(self) -> dict[str, Any]:
        """Signature name -> tf.function."""
        return {**super().by_signature(), signatures.EVALUATE: self.evaluate}

    @tf.function(input_signature=[strings(signatures.EXAMPLES)], autograph=False)
    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `evaluate`: all that retrieval and zero-shot metrics need of serialized Examples."""
        parsed = tf.io.parse_example(examples, _EXAMPLE_FEATURES)
        captions = parsed[schema.CAPTION_TEXT]  # ragged [N, (captions)]
        vectors = captions.with_flat_values(self.embed_texts(captions.flat_values))  # ragged [N, (captions), D]
        pixels = _preprocess(parsed[schema.IMAGE_ENCODED], self._model)  # ingest wrote them in normal form
        return {
            signatures.IMAGE_EMBEDDING: self.embed_pixels(pixels),
            signatures.CAPTION_EMBEDDING: vectors.to_tensor(),  # [N, C, D], zero past the count
            signatures.CAPTION_COUNT: captions.row_lengths(),
            signatures.LABEL: parsed[schema.CLASS_LABEL],
            signatures.LABEL_EMBEDDING: self.embed_classes(parsed[schema.CLASS_TEXTS]),
        }


def served_images(
    encoder: DualEncoder,
    model: ModelConfig,
    max_image_pixels: int = MAX_IMAGE_PIXELS,
    precision: Precision = "float32",
) -> ServedImages:
    """Returns the image half of an encoder, folded."""
    tower, projection = FoldedTower(encoder.image_tower, precision=precision), encoder.image_projection

    def embed(images: tf.Tensor) -> tf.Tensor:
        return keras.ops.normalize(projection(tower(images)), axis=-1)

    side = model.image_crop_px
    held = {"image_tower": tower, "image_projection": _values(projection)}
    return ServedImages(lambda images: _preprocess(images, model), embed, (side, side), held, max_image_pixels)


def served_texts(encoder: DualEncoder, tokenizer: Tokenizer) -> ServedTexts:
    """Returns the text half of an encoder."""

    def embed(texts: tf.Tensor) -> tf.Tensor:
        return encoder.encode_text(tokenizer(texts), training=False)

    weights = {"text_tower": _values(encoder.text_tower), "text_projection": _values(encoder.text_projection)}
    return ServedTexts(embed, {**weights, "tokenizer": tokenizer})


def _values(layer: keras.Layer) -> list[tf.Variable]:
    """Returns a layer's variables; with the layer, Keras would save a second graph of it."""
    return [weight.value for weight in layer.weights]


def export(served: ServedPair | ServedImages | ServedTexts, directory: str) -> None:
    """Write a SavedModel with all signatures to `directory`, aside first, so that no half of one is ever seen.

    Beside the graph are requests by which a server warms up (models/saving/warm_up.py).

    Args:
      served: what to write.
      directory: must not exist, local or remote.
    """
    with whole_folder(directory) as aside:
        tf.saved_model.save(
            served,
            aside,
            signatures=served.by_signature(),
            options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),  # it is for inference
        )
        write_warm_up(aside, served.by_signature())


def _preprocess(images: tf.Tensor, model: ModelConfig) -> tf.Tensor:
    return preprocessing.preprocess(images, model.image_resize_px, model.image_crop_px)
