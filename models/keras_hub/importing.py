"""The body of `align import-keras-hub`: a CLIP or SigLIP of KerasHub becomes a SavedModel that is served like ours.

```
<to>/
  servable/1/   a SavedModel with KerasHub's tokenizer and image converter inside: a base path of TensorFlow Serving is
                <to>/servable
```

Legend: N inputs, S pixels of a side, D embedding dimension.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from models.images import normal_form
from models.images.decoding import RGB, decode
from models.keras_hub.presets import load
from models.keras_hub.texts import Tokens
from models.saving.new_folder import new_folder
from serving import signatures
from serving.normal_form import MAX_IMAGE_PIXELS

SERVABLE_FOLDER = "servable"


def import_keras_hub(preset: str, to: Path) -> None:
    """Turn a dual encoder of KerasHub into a SavedModel, whose embeddings are its own to 1e-5.

    Args:
      preset: a folder that `save_to_preset` wrote, or a name that KerasHub knows.
      to: a new folder, written aside and then renamed.

    Raises:
      ValueError: where KerasHub does not load it, or it is no CLIP or SigLIP whose parts fit.
      OSError: where `to` cannot be written.
    """
    with new_folder(to) as aside:
        served = ServedBackbone(*load(preset))
        tf.saved_model.save(
            served,
            str(aside / SERVABLE_FOLDER / "1"),
            signatures={
                signatures.ENCODE_IMAGE: served.encode_image,
                signatures.ENCODE_TEXT: served.encode_text,
            },
            options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),  # it is for inference
        )


class ServedBackbone(tf.Module):
    """A backbone of KerasHub with its preprocessor inside, by the names of serving/signatures.py.

    Pictures are decoded as our models decode them: upright, on white. From there on they go KerasHub's own way.

    Args:
      backbone: CLIPBackbone or SigLIPBackbone.
      preprocessor: its own; it is changed.
      max_image_pixels: width x height above which `encode_image` refuses an image by its header.
    """

    def __init__(self, backbone: Any, preprocessor: Any, max_image_pixels: int = MAX_IMAGE_PIXELS) -> None:
        super().__init__(name="served_backbone")
        self._max_image_pixels = max_image_pixels
        self.weights = [weight.value for weight in backbone.variables]
        self.tokens = Tokens(preprocessor)
        self._embed_images = lambda pixels: backbone.get_vision_embeddings(pixels)
        self._embed_texts = lambda token_ids: backbone.get_text_embeddings(token_ids)
        self._convert = lambda picture: preprocessor.image_converter(picture)
        self._pixels = tf.TensorSpec([*preprocessor.image_converter.image_size, RGB], tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=signatures.IMAGE_BYTES)], autograph=False)
    def encode_image(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `encode_image`; what cannot be shown as it is meant to look raises InvalidArgumentError."""
        normal = normal_form.normalise_all(image_bytes, self._max_image_pixels)
        pixels = tf.map_fn(self._preprocess, normal, fn_output_signature=self._pixels)  # [N, S, S, 3]
        return {signatures.EMBEDDING: _unit(self._embed_images(pixels))}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=signatures.TEXT)], autograph=False)
    def encode_text(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `encode_text`."""
        return {signatures.EMBEDDING: _unit(self._embed_texts(self.tokens(text)))}

    def _preprocess(self, encoded: tf.Tensor) -> tf.Tensor:
        """Returns [S, S, 3] float32 of one picture.

        KerasHub resizes floats as they are, also in its own conversions and in any graph; bytes it would round.
        """
        picture = tf.cast(decode(encoded), tf.float32)
        return tf.ensure_shape(tf.cast(self._convert(picture), tf.float32), self._pixels.shape)


def _unit(vectors: Any) -> tf.Tensor:
    """Returns [N, D] float32 of unit length, as KerasHub's heads make them before they multiply."""
    return keras.ops.normalize(keras.ops.cast(vectors, "float32"), axis=-1)
