"""The served model: one SavedModel whose signatures take bytes and strings and answer unit vectors.

Legend: N requests in a batch, C captions of the image that has most in the batch, D embedding dimension, T texts of a
class, U distinct texts of the classes in the batch.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from components import schema
from models.config import ModelConfig
from models.images import normal_form, preprocessing
from models.saving.folding import FoldedTower
from models.saving.whole import whole_folder
from models.texts.tokenizer import Tokenizer
from models.towers.dual_encoder import DualEncoder
from serving import signatures
from serving.normal_form import MAX_IMAGE_PIXELS

_EXAMPLE_FEATURES = {
    schema.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string),
    schema.CAPTION_TEXT: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    schema.CLASS_LABEL: tf.io.FixedLenFeature([], tf.string, default_value=schema.NO_LABEL),
    schema.CLASS_TEXTS: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
}

STRINGS = tf.TensorSpec([None], tf.string)


class ServedEncoder(tf.Module):
    """A dual encoder in inference mode with preprocessing and tokenizer inside, by the names of serving/signatures.py.

    Args:
      encoder: the trained towers, on one device. The image tower is folded, so its weights are those of now.
      model: sizes of images and texts.
      tokenizer: of texts; its vocabulary travels in the graph.
      max_image_pixels: width x height above which `encode_image` refuses an image by its header.
    """

    def __init__(
        self, encoder: DualEncoder, model: ModelConfig, tokenizer: Tokenizer, max_image_pixels: int = MAX_IMAGE_PIXELS
    ) -> None:
        super().__init__(name="served_encoder")
        self._max_image_pixels = max_image_pixels
        self.image_tower, self.image_projection = FoldedTower(encoder.image_tower), encoder.image_projection
        self.text_tower, self.text_projection = encoder.text_tower, encoder.text_projection
        self.tokenizer, self._model = tokenizer, model
        # As an attribute the encoder itself would be saved, and with it the image tower once more.
        self._encode_text = lambda token_ids: encoder.encode_text(token_ids, training=False)
        side = model.image_crop_px
        pixels = tf.TensorSpec([None, side, side, 3], tf.float32)
        self.embed_pixels = tf.function(self._embed_pixels, input_signature=[pixels], autograph=False)

    def _embed_pixels(self, images: tf.Tensor) -> tf.Tensor:
        """Returns [N, D] unit vectors of images [N, image_crop_px, image_crop_px, 3] in [-1, 1]."""
        return keras.ops.normalize(self.image_projection(self.image_tower(images)), axis=-1)

    @tf.function(input_signature=[STRINGS], autograph=False)
    def embed_images(self, image_bytes: tf.Tensor) -> tf.Tensor:
        """Returns [N, D] unit vectors of [N] encoded images in normal form."""
        return self.embed_pixels(
            preprocessing.preprocess(image_bytes, self._model.image_resize_px, self._model.image_crop_px)
        )

    @tf.function(input_signature=[STRINGS], autograph=False)
    def embed_texts(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns [N, D] unit vectors of [N] strings."""
        return self._encode_text(self.tokenizer(texts))

    def embed_classes(self, texts: tf.RaggedTensor) -> tf.Tensor:
        """Embed classes by an ensemble of texts: unit vectors averaged, then normalised (ALIGN section 5.3).

        Args:
          texts: ragged [N, (T)] string; each distinct one is embedded once.

        Returns:
          [N, D] unit vectors, zero where there is no text.
        """
        distinct, index = tf.unique(texts.flat_values)  # [U], [all T]
        vectors = tf.gather(self.embed_texts(distinct), index)  # [all T, D]
        total = tf.reduce_sum(texts.with_flat_values(vectors), axis=1)  # [N, D], the direction of the mean
        return tf.math.l2_normalize(total, axis=-1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=signatures.IMAGE_BYTES)], autograph=False)
    def encode_image(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `encode_image`; what cannot be shown as it is meant to look raises InvalidArgumentError."""
        return {signatures.EMBEDDING: self.embed_images(normal_form.normalise_all(image_bytes, self._max_image_pixels))}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=signatures.TEXT)], autograph=False)
    def encode_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `encode_text`."""
        return {signatures.EMBEDDING: self.embed_texts(text)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=signatures.EXAMPLES)], autograph=False)
    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `evaluate`: all that retrieval and zero-shot metrics need of serialized Examples."""
        parsed = tf.io.parse_example(examples, _EXAMPLE_FEATURES)
        captions = parsed[schema.CAPTION_TEXT]  # ragged [N, (captions)]
        vectors = captions.with_flat_values(self.embed_texts(captions.flat_values))  # ragged [N, (captions), D]
        return {
            signatures.IMAGE_EMBEDDING: self.embed_images(parsed[schema.IMAGE_ENCODED]),
            signatures.CAPTION_EMBEDDING: vectors.to_tensor(),  # [N, C, D], zero past the count
            signatures.CAPTION_COUNT: captions.row_lengths(),
            signatures.LABEL: parsed[schema.CLASS_LABEL],
            signatures.LABEL_EMBEDDING: self.embed_classes(parsed[schema.CLASS_TEXTS]),
        }


def export(served: ServedEncoder, directory: str) -> None:
    """Write a SavedModel with the three signatures to `directory`, aside first, so that no half of one is ever seen.

    Args:
      served: what to write.
      directory: must not exist, local or remote.
    """
    with whole_folder(directory) as aside:
        tf.saved_model.save(
            served,
            aside,
            signatures={
                signatures.ENCODE_IMAGE: served.encode_image,
                signatures.ENCODE_TEXT: served.encode_text,
                signatures.EVALUATE: served.evaluate,
            },
            options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),  # it is for inference
        )
