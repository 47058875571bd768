"""What is served of any dual encoder, ours or imported: each half by itself, and what takes both.

Either half can be saved alone: who searches by texts needs no image weights. A signature of more than one step does
nothing but call other functions, so that a server can run it call by call (serving/server/core/calls.py).

Legend: N pictures of a request, M texts, L labels, T templates, U distinct texts, H x W pixels that the tower takes, D
embedding dimension.
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
_VECTORS = tf.TensorSpec([None, None], tf.float32)


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
            return _never_of_none(embed, images)

        @tf.function(input_signature=[strings(signatures.IMAGE_BYTES)], autograph=False)
        def encode_image(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
            return {signatures.EMBEDDING: embed_pixels(decode_images(image_bytes))}

        self.decode_images, self.embed_pixels, self.encode_image = decode_images, embed_pixels, encode_image

    def by_signature(self) -> dict[str, Any]:
        """Signature name -> tf.function; the one that there is is the default too."""
        return {signatures.ENCODE_IMAGE: self.encode_image, signatures.DEFAULT: self.encode_image}


def _never_of_none(embed: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """Embed a batch of any size, [N, H, W, 3] -> [N, D]; a black picture stands in where there is none.

    On CPUs for which TensorFlow takes oneDNN's convolutions, one of an empty batch has its input's shape. The picture
    is not padded on: TensorFlow merges a padding into the convolution behind it as one of height and width alone.
    """
    missing = tf.cast(tf.shape(images)[:1] == 0, tf.int32)  # [1]
    filled = tf.concat([images, tf.zeros(tf.concat([missing, images.shape[1:]], 0))], 0)
    return embed(filled)[: tf.shape(images)[0]]


class ServedTexts(tf.Module):
    """From texts to unit vectors.

    Args:
      embed: [N] string -> [N, D] float32, unit length.
      held: name -> what holds weights or tables.

    Attributes:
      embed_texts: tf.function, [N] string -> [N, D] float32.
      encode_text: the signature; invalid UTF-8 reads as replacement characters.
      check_texts: tf.function, [N] string -> the same; raises InvalidArgumentError for invalid UTF-8.
      encode_unnamed: the default, `embed_texts` of what passes `check_texts`.
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
        def check_texts(text: tf.Tensor) -> tf.Tensor:
            is_text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace") == text
            with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(is_text), [_NO_UTF8])]):
                return tf.identity(text)

        @tf.function(input_signature=[strings(signatures.TEXT)], autograph=False)
        def encode_unnamed(text: tf.Tensor) -> dict[str, tf.Tensor]:
            """Who names no signature may send pictures, and would get vectors of their bytes as texts."""
            return {signatures.EMBEDDING: embed_texts(check_texts(text))}

        self.embed_texts, self.encode_text, self.encode_unnamed = embed_texts, encode_text, encode_unnamed
        self.check_texts = check_texts

    def by_signature(self) -> dict[str, Any]:
        """Signature name -> tf.function."""
        return {signatures.ENCODE_TEXT: self.encode_text, signatures.DEFAULT: self.encode_unnamed}


class ServedPair(tf.Module):
    """Both halves, and the signatures that need both.

    Args:
      images, texts: the halves, of one space.
      temperature: what the model learnt to divide cosines by before a softmax.

    Attributes:
      decode_images, embed_pixels, encode_image, embed_texts, encode_text, check_texts, encode_unnamed: those of the
        halves.
      compare, fill_templates, choose: the steps of the signatures that need both.
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
        self.check_texts, self.encode_unnamed = texts.check_texts, texts.encode_unnamed
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
        return self.compare(self.embed_pixels(self.decode_images(image_bytes)), self.embed_texts(text))

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
        distinct, index = self.fill_templates(labels, templates)
        images = self.embed_pixels(self.decode_images(image_bytes))
        return self.choose(images, self.embed_texts(distinct), index, labels)

    @tf.function(input_signature=[_VECTORS, _VECTORS], autograph=False)
    def compare(self, images: tf.Tensor, texts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns [N, M] cosines and probabilities of [N, D] and [M, D] unit vectors."""
        cosines = tf.matmul(images, texts, transpose_b=True)
        return {
            signatures.COSINE: cosines,
            signatures.PROBABILITY: tf.nn.softmax(cosines / self._temperature, axis=-1),
        }

    @tf.function(input_signature=[strings(signatures.LABELS), strings(signatures.TEMPLATES)], autograph=False)
    def fill_templates(self, labels: tf.Tensor, templates: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Put each of [L] labels into each of [T] templates; returns the [U] distinct texts, and [L, T] which it is."""
        filled = fill(templates, labels)  # [L, T]
        distinct, index = tf.unique(tf.reshape(filled, [-1]))
        return distinct, tf.reshape(index, tf.shape(filled))

    @tf.function(
        input_signature=[_VECTORS, _VECTORS, tf.TensorSpec([None, None], tf.int32), strings(signatures.LABELS)],
        autograph=False,
    )
    def choose(self, images: tf.Tensor, texts: tf.Tensor, index: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        """Answer `classify`: of [N, D] pictures, [U, D] texts, [L, T] the texts of each label, and [L] labels."""
        compared = self.compare(images, _mean_directions(tf.reduce_sum(tf.gather(texts, index), axis=1)))
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
        return _mean_directions(tf.reduce_sum(texts.with_flat_values(vectors), axis=1))


def _mean_directions(sums: tf.Tensor) -> tf.Tensor:
    """Returns the directions of sums of unit vectors, [L, D], which are those of their means."""
    return tf.math.l2_normalize(sums, axis=-1)


def fill(templates: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Put each of [L] labels into each of [T] templates; returns [L, T] string.

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
    shape = [tf.size(labels), tf.size(templates)]
    parts_of_each = (around[:, 0], labels[:, tf.newaxis], around[:, 1])
    return tf.strings.join([tf.broadcast_to(part, shape) for part in parts_of_each])
