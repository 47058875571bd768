"""What is served of any dual encoder, ours or imported: each half by itself, and what takes both.

Either half can be saved alone: who searches by texts needs no image weights.

Legend: N pictures of a request, M texts, L labels, T templates, H x W pixels that the tower takes, D embedding
dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from models.images import normal_form
from models.images.decoding import RGB
from serving import signatures
from serving.normal_form import MAX_IMAGE_PIXELS

_NO_UTF8 = (
    f"{signatures.DEFAULT} encodes texts, and these bytes are no UTF-8; for pictures name the signature "
    f"{signatures.ENCODE_IMAGE}"
)
_NO_PLACEHOLDER = f"a template must hold {signatures.PLACEHOLDER} once, where the label stands"
_NO_TEMPLATE = f"there is no template; send {signatures.PLACEHOLDER} for the labels alone"


def strings(name: str) -> tf.TensorSpec:
    """Returns the spec of a signature's input, [any] string."""
    return tf.TensorSpec([None], tf.string, name=name)


class ServedImages(tf.Module):
    """From encoded pictures to unit vectors, in two functions that a server may call apart.

    Args:
      preprocess: [N] string, pictures in normal form -> [N, H, W, 3] float32.
      embed: [N, H, W, 3] float32 -> [N, D] float32, unit length.
      size: (H, W).
      held: name -> what holds weights, which a SavedModel finds through attributes alone.
      max_image_pixels: width x height above which a picture is refused by its header.

    Attributes:
      decode_images: tf.function, [N] string -> [N, H, W, 3] float32; raises InvalidArgumentError for a picture that
        cannot be shown as it is meant to look.
      embed_pixels: tf.function, [N, H, W, 3] float32 -> [N, D] float32.
      encode_image: the signature, their composition.
    """

    def __init__(
        self,
        preprocess: Callable[[tf.Tensor], tf.Tensor],
        embed: Callable[[tf.Tensor], tf.Tensor],
        size: tuple[int, int],
        held: Mapping[str, Any],
        max_image_pixels: int = MAX_IMAGE_PIXELS,
    ) -> None:
        super().__init__(name="served_images")
        self.held = dict(held)

        @tf.function(input_signature=[strings(signatures.IMAGE_BYTES)], autograph=False)
        def decode_images(image_bytes: tf.Tensor) -> tf.Tensor:
            return preprocess(normal_form.normalise_all(image_bytes, max_image_pixels))

        @tf.function(input_signature=[tf.TensorSpec([None, *size, RGB], tf.float32)], autograph=False)
        def embed_pixels(images: tf.Tensor) -> tf.Tensor:
            return embed(images)

        @tf.function(input_signature=[strings(signatures.IMAGE_BYTES)], autograph=False)
        def encode_image(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
            return {signatures.EMBEDDING: embed_pixels(decode_images(image_bytes))}

        self.decode_images, self.embed_pixels, self.encode_image = decode_images, embed_pixels, encode_image

    def by_signature(self) -> dict[str, Any]:
        """Signature name -> tf.function; the one that there is is the default too."""
        return {signatures.ENCODE_IMAGE: self.encode_image, signatures.DEFAULT: self.encode_image}


class ServedTexts(tf.Module):
    """From texts to unit vectors.

    Args:
      embed: [N] string -> [N, D] float32, unit length.
      held: name -> what holds weights or tables.

    Attributes:
      embed_texts: tf.function, [N] string -> [N, D] float32.
      encode_text: the signature; invalid UTF-8 reads as replacement characters.
      encode_unnamed: the default; raises InvalidArgumentError for invalid UTF-8.
    """

    def __init__(self, embed: Callable[[tf.Tensor], tf.Tensor], held: Mapping[str, Any]) -> None:
        super().__init__(name="served_texts")
        self.held = dict(held)

        @tf.function(input_signature=[strings(signatures.TEXT)], autograph=False)
        def embed_texts(text: tf.Tensor) -> tf.Tensor:
            return embed(text)

        @tf.function(input_signature=[strings(signatures.TEXT)], autograph=False)
        def encode_text(text: tf.Tensor) -> dict[str, tf.Tensor]:
            return {signatures.EMBEDDING: embed_texts(text)}

        @tf.function(input_signature=[strings(signatures.TEXT)], autograph=False)
        def encode_unnamed(text: tf.Tensor) -> dict[str, tf.Tensor]:
            """Who names no signature may send pictures, and would get vectors of their bytes as texts."""
            is_text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace") == text
            with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(is_text), [_NO_UTF8])]):
                return {signatures.EMBEDDING: embed_texts(tf.identity(text))}

        self.embed_texts, self.encode_text, self.encode_unnamed = embed_texts, encode_text, encode_unnamed

    def by_signature(self) -> dict[str, Any]:
        """Signature name -> tf.function."""
        return {signatures.ENCODE_TEXT: self.encode_text, signatures.DEFAULT: self.encode_unnamed}


class ServedPair(tf.Module):
    """Both halves, and the signatures that need both.

    Args:
      images, texts: the halves, of one space.
      temperature: what the model learnt to divide cosines by before a softmax.

    Attributes:
      decode_images, embed_pixels, encode_image, embed_texts, encode_text: those of the halves.
    """

    def __init__(self, images: ServedImages, texts: ServedTexts, temperature: float) -> None:
        super().__init__(name="served_pair")
        self.images, self.texts = images, texts
        self.decode_images, self.embed_pixels, self.encode_image = (
            images.decode_images,
            images.embed_pixels,
            images.encode_image,
        )
        self.embed_texts, self.encode_text = texts.embed_texts, texts.encode_text
        self._temperature = temperature

    def by_signature(self) -> dict[str, Any]:
        """Signature name -> tf.function."""
        return {
            **self.images.by_signature(),
            **self.texts.by_signature(),  # whose default is that of both: see serving/signatures.py
            signatures.SIMILARITY: self.similarity,
            signatures.CLASSIFY: self.classify,
        }

    @tf.function(input_signature=[strings(signatures.IMAGE_BYTES), strings(signatures.TEXT)], autograph=False)
    def similarity(self, image_bytes: tf.Tensor, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `similarity`: how well each of M texts describes each of N pictures."""
        return self._compared(self.embed_pixels(self.decode_images(image_bytes)), self.embed_texts(text))

    @tf.function(
        input_signature=[
            strings(signatures.IMAGE_BYTES),
            strings(signatures.LABELS),
            strings(signatures.TEMPLATES),
        ],
        autograph=False,
    )
    def classify(self, image_bytes: tf.Tensor, labels: tf.Tensor, templates: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `classify`: which of L labels fits each of N pictures, by an ensemble of T templates."""
        compared = self._compared(
            self.embed_pixels(self.decode_images(image_bytes)),
            self.embed_classes(fill(templates, labels)),
        )
        # An empty label stands behind the L: a row of none has no maximum.
        cosines = tf.pad(compared[signatures.COSINE], [[0, 0], [0, 1]], constant_values=-2.0)
        return {**compared, signatures.LABEL: tf.gather(tf.concat([labels, [""]], 0), tf.argmax(cosines, axis=1))}

    def embed_classes(self, texts: tf.RaggedTensor) -> tf.Tensor:
        """Embed classes by an ensemble of texts: unit vectors averaged, then normalised (ALIGN section 5.3).

        Args:
          texts: ragged [L, (T)] string; each distinct one is embedded once.

        Returns:
          [L, D] unit vectors, zero where there is no text.
        """
        distinct, index = tf.unique(texts.flat_values)  # [U], [all T]
        vectors = tf.gather(self.embed_texts(distinct), index)  # [all T, D]
        total = tf.reduce_sum(texts.with_flat_values(vectors), axis=1)  # [L, D], the direction of the mean
        return tf.math.l2_normalize(total, axis=-1)

    def _compared(self, images: tf.Tensor, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns [N, M] cosines and probabilities of [N, D] and [M, D] unit vectors."""
        cosines = tf.matmul(images, texts, transpose_b=True)
        return {
            signatures.COSINE: cosines,
            signatures.PROBABILITY: tf.nn.softmax(cosines / self._temperature, axis=-1),
        }


def fill(templates: tf.Tensor, labels: tf.Tensor) -> tf.RaggedTensor:
    """Put each of [L] labels into each of [T] templates; returns ragged [L, (T)] string.

    Raises:
      tf.errors.InvalidArgumentError: where there is no template, or one has not exactly one PLACEHOLDER.
    """
    parts = tf.strings.split(templates, signatures.PLACEHOLDER)  # ragged [T, (2)]
    checks = [
        tf.debugging.Assert(tf.size(templates) > 0, [_NO_TEMPLATE]),
        tf.debugging.Assert(tf.reduce_all(parts.row_lengths() == 2), [_NO_PLACEHOLDER]),
    ]
    with tf.control_dependencies(checks):
        around = tf.reshape(parts.flat_values, [-1, 2])  # [T, 2]
    count, many = tf.size(labels), tf.size(templates)
    before, after = (tf.tile(around[:, side], [count]) for side in (0, 1))  # [L T], label by label
    return tf.RaggedTensor.from_uniform_row_length(
        tf.strings.join([before, tf.repeat(labels, many), after]), many, nrows=count
    )
