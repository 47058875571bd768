"""The served model: one SavedModel whose signatures take bytes and strings and answer unit vectors.

Legend: N requests in a batch, C captions of the image that has most in the batch, D embedding dimension, L word
pieces, M captions of the batch, U distinct labels of the batch, F names of those labels, P prompts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from components import schema
from models import preprocessing
from models.config import ModelConfig
from models.dual_encoder import DualEncoder
from models.tokenizer import Tokenizer
from serving import signatures

_EXAMPLE_FEATURES = {
    schema.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string),
    schema.CAPTION_TEXT: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64),
    schema.CLASS_LABEL: tf.io.FixedLenFeature([], tf.string, default_value=schema.NO_LABEL),
}

STRINGS = tf.TensorSpec([None], tf.string)
_NAME_BREAK = "\n"  # between the names of a class, which have one line each


class ServedEncoder(tf.Module):
    """A dual encoder in inference mode with preprocessing and tokenizer inside, by the names of serving/signatures.py.

    Args:
      encoder: the trained towers, on one device and without an optimizer, whose moments would be exported with it.
      model: sizes of images and texts.
      tokenizer: of texts; its vocabulary travels in the graph.
      prompts: templates with one "{}" for the class name, of the `evaluate` signature.
      class_names: label -> its names; a label that is not listed is its own name.
    """

    def __init__(
        self,
        encoder: DualEncoder,
        model: ModelConfig,
        tokenizer: Tokenizer,
        prompts: Sequence[str],
        class_names: Mapping[str, Sequence[str]],
    ) -> None:
        super().__init__(name="served_encoder")
        joined = {label: _NAME_BREAK.join(names) for label, names in class_names.items()}
        joined[schema.NO_LABEL] = ""  # for a table must not be empty
        self._class_names = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant([*joined]), tf.constant([*joined.values()])),
            default_value="",
        )
        self.encoder, self.tokenizer = encoder, tokenizer
        self._model, self._prompts = model, tuple(prompts)

    @tf.function(input_signature=[STRINGS], autograph=False)
    def embed_images(self, image_bytes: tf.Tensor) -> tf.Tensor:
        """Returns [N, D] unit vectors of [N] encoded images."""
        images = preprocessing.preprocess(image_bytes, self._model.image_resize_px, self._model.image_crop_px)
        return self.encoder.encode_image(images, training=False)

    @tf.function(input_signature=[STRINGS], autograph=False)
    def embed_texts(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns [N, D] unit vectors of [N] strings."""
        return self.encoder.encode_text(self.tokenizer(texts), training=False)

    def embed_labels(self, labels: tf.Tensor) -> tf.Tensor:
        """Embed classes by an ensemble of names in prompts: unit vectors averaged, then normalised (ALIGN section 5.3).

        Args:
          labels: [N] string; each distinct one is embedded once.

        Returns:
          [N, D] unit vectors, zero where the label is empty.
        """
        distinct, index = tf.unique(labels)  # [U], [N]
        listed = self._class_names.lookup(distinct)
        names = tf.strings.split(tf.where(listed == "", distinct, listed), _NAME_BREAK)  # ragged [U, (names)]
        flat = names.flat_values  # [F]
        prompted = [tf.strings.join([head, flat, tail]) for head, tail in (p.split("{}") for p in self._prompts)]
        vectors = self.embed_texts(tf.concat(prompted, axis=0))  # [P * F, D]
        per_name = tf.reduce_mean(tf.reshape(vectors, [len(prompted), tf.shape(flat)[0], -1]), axis=0)  # [F, D]
        mean = tf.reduce_mean(names.with_flat_values(per_name), axis=1)  # [U, D]
        named = tf.cast(distinct != schema.NO_LABEL, mean.dtype)[:, tf.newaxis]
        return tf.gather(tf.math.l2_normalize(mean, axis=-1) * named, index)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=signatures.IMAGE_BYTES)], autograph=False)
    def encode_image(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `encode_image`; bytes that are no image raise InvalidArgumentError."""
        return {signatures.EMBEDDING: self.embed_images(image_bytes)}

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
            signatures.LABEL_EMBEDDING: self.embed_labels(parsed[schema.CLASS_LABEL]),
        }


def export(served: ServedEncoder, directory: str) -> None:
    """Write a SavedModel with the three signatures to `directory`, aside first, so that no half of one is ever seen.

    Args:
      served: what to write.
      directory: must not exist, local or remote.
    """
    aside = f"{directory.rstrip('/')}.partial"
    if tf.io.gfile.exists(aside):
        tf.io.gfile.rmtree(aside)
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
    tf.io.gfile.rename(aside, directory)
