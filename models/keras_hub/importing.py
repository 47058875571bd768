"""The body of `align import-keras-hub`: a CLIP or SigLIP of KerasHub becomes a SavedModel that is served like ours.

```
<to>/
  servable/1/   a SavedModel with KerasHub's tokenizer and image converter inside: a base path of TensorFlow Serving is
                <to>/servable
```

Legend: N inputs, H x W pixels that the image tower takes, D embedding dimension.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from models.images.decoding import RGB, decode
from models.keras_hub.presets import load
from models.keras_hub.texts import Tokens
from models.saving.export import export
from models.saving.new_folder import new_folder
from models.saving.served import ServedImages, ServedPair, ServedTexts

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
        export(served_backbone(*load(preset)), str(aside / SERVABLE_FOLDER / "1"))


def served_backbone(backbone: Any, preprocessor: Any) -> ServedPair:
    """Make what is served of a backbone of KerasHub, its preprocessor inside.

    Pictures are decoded as our models decode them: upright, on white. From there on they go KerasHub's own way.

    Args:
      backbone: CLIPBackbone or SigLIPBackbone. Of SigLIP the bias is left out: it changes no probability over texts.
      preprocessor: its own; it is changed.
    """
    tokens = Tokens(preprocessor)
    pixels = tf.TensorSpec([*preprocessor.image_converter.image_size, RGB], tf.float32)  # [H, W, 3]

    def preprocess_one(encoded: tf.Tensor) -> tf.Tensor:
        picture = tf.cast(decode(encoded), tf.float32)  # KerasHub resizes floats as they are; bytes it would round
        return tf.ensure_shape(tf.cast(preprocessor.image_converter(picture), tf.float32), pixels.shape)

    def preprocess(images: tf.Tensor) -> tf.Tensor:
        return tf.map_fn(preprocess_one, images, fn_output_signature=pixels)

    images = ServedImages(
        preprocess,
        lambda converted: _unit(backbone.get_vision_embeddings(converted)),
        tuple(preprocessor.image_converter.image_size),
        {"weights": _weights(backbone, "vision")},
    )
    texts = ServedTexts(
        lambda given: _unit(backbone.get_text_embeddings(tokens(given))),
        {"tokens": tokens, "weights": _weights(backbone, "text")},
    )
    return ServedPair(images, texts, 1 / math.exp(float(_logit_scale(backbone))))


def _weights(backbone: Any, tower: str) -> list[tf.Variable]:
    """Returns the weights of "vision" or "text", its projection's too where it has one."""
    layers = [getattr(backbone, f"{tower}_{part}", None) for part in ("encoder", "projection")]
    return [weight.value for layer in layers if layer is not None for weight in layer.variables]


def _logit_scale(backbone: Any) -> Any:
    """Returns the logarithm of what a head multiplies cosines by."""
    (scale,) = (weight for weight in backbone.variables if weight.name == "logit_scale")
    return scale


def _unit(vectors: Any) -> tf.Tensor:
    """Returns [N, D] float32 of unit length, as KerasHub's heads make them before they multiply."""
    return keras.ops.normalize(keras.ops.cast(vectors, "float32"), axis=-1)
