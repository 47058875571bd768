"""The dual encoder: two towers, a shared space and a learnable temperature, in keras.ops alone.

Legend: B batch, D embedding dimension, H and W pixels, L word pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from models.config import ModelConfig
from models.towers.image_tower import ImageTower
from models.towers.text_tower import TextTower
from models.training_config import MAX_TEMPERATURE, MIN_TEMPERATURE, TrainingConfig

TOWERS = ("image_tower", "text_tower")
DTYPE_POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}  # weights stay float32


def build_dual_encoder(model: ModelConfig, training: TrainingConfig, vocabulary_size: int) -> DualEncoder:
    """Build both towers from scratch at the configured sizes.

    Args:
      model: sizes.
      training: the temperature, batch norm's reach, precisions, and which tower is frozen.
      vocabulary_size: number of word pieces.

    Returns:
      A dual encoder with all weights created.
    """
    with _arithmetic(training.image_precision):
        image_tower = ImageTower(
            model.image_size.width_coefficient,
            model.image_size.depth_coefficient,
            stem_stride=model.image_stem_stride,
            drop_connect=model.drop_connect,
            synchronized_batch_norm=training.synchronized_batch_norm,
            batch_norm_group=training.batch_norm_group,
        )
    with _arithmetic(training.text_precision):
        text_tower = TextTower(
            vocabulary_size,
            layers=model.text_size.layers,
            hidden=model.text_size.hidden,
            heads=model.text_size.heads,
            intermediate=model.text_size.intermediate,
            max_pieces=model.text_max_pieces,
            dropout=model.dropout,
        )
    encoder = DualEncoder(
        image_tower,
        text_tower,
        embedding=model.embedding,
        initial_temperature=training.initial_temperature,
        dropout=model.dropout,
    )
    encoder.temperature.trainable = training.learn_temperature
    if training.frozen_tower is not None:
        towers: dict[str, keras.Model] = {"image": image_tower, "text": text_tower}
        towers[training.frozen_tower].trainable = False
    return encoder


@contextmanager
def _arithmetic(precision: str) -> Iterator[None]:
    """Give the layers that are made within this precision; what takes a tower's features works in float32 again."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(DTYPE_POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


@keras.saving.register_keras_serializable(package="align")
class DualEncoder(keras.Model):
    """Embed images and texts as unit vectors of one space.

    Text features always get a linear layer to D; image features only where their width differs from D, as in the
    paper: EfficientNet-B7 is 640 wide and gets none. Features are dropped out before that. A tower that is not
    trainable is in inference mode whatever is asked for.

    Args:
      image_tower: images [B, H, W, 3] -> features [B, F].
      text_tower: token ids [B, L] -> features [B, H].
      embedding: D.
      initial_temperature: divisor of the cosines at the first step.
      dropout: rate on the features.

    Raises:
      ValueError: where the initial temperature is outside of [MIN_TEMPERATURE, MAX_TEMPERATURE].

    Examples:
      >>> model = ModelConfig(image="b0", image_depth_coefficient=0.1, text="tiny", embedding=32)
      >>> encoder = build_dual_encoder(model, TrainingConfig(), vocabulary_size=100)
      >>> vectors = encoder({"image": ops.zeros([2, 64, 64, 3]), "token_ids": ops.ones([2, 16], "int32")})
      >>> tuple(vectors["text"].shape)
      (2, 32)

    Reference:
      ALIGN section 4, arXiv:2102.05918.
    """

    def __init__(
        self,
        image_tower: keras.Model,
        text_tower: keras.Model,
        *,
        embedding: int,
        initial_temperature: float = 1.0,
        dropout: float = 0.1,
        name: str = "dual_encoder",
        **kwargs: Any,
    ) -> None:
        if not MIN_TEMPERATURE <= initial_temperature <= MAX_TEMPERATURE:
            raise ValueError(
                f"training.initial_temperature is {initial_temperature}; it must be between {MIN_TEMPERATURE} and "
                f"{MAX_TEMPERATURE}, where training keeps it (the paper starts at 1 and ends near 1/64)"
            )
        super().__init__(name=name, **kwargs)
        self.image_tower = image_tower
        self.text_tower = text_tower
        self.image_dropout = keras.layers.Dropout(dropout, name="image_dropout")
        self.text_dropout = keras.layers.Dropout(dropout, name="text_dropout")
        self.image_projection = _projection_between(image_tower.output_shape[-1], embedding, "image_projection")
        self.text_projection = keras.layers.Dense(embedding, name="text_projection")
        self.text_projection.build(text_tower.output_shape)
        self.temperature = self.add_weight(
            name="temperature",
            shape=(),
            initializer=keras.initializers.Constant(initial_temperature),
            constraint=Between(MIN_TEMPERATURE, MAX_TEMPERATURE),
        )
        self.built = True

        self.embedding, self.initial_temperature, self.dropout = embedding, initial_temperature, dropout

    def encode_image(self, images: Any, training: bool = False) -> Any:
        """Returns [B, D] unit vectors of images [B, H, W, 3], float32 in [-1, 1]."""
        training = training and self.image_tower.trainable
        features = self.image_dropout(self.image_tower(images, training=training), training=training)
        return ops.normalize(self.image_projection(features), axis=-1)

    def encode_text(self, token_ids: Any, training: bool = False) -> Any:
        """Returns [B, D] unit vectors of token ids [B, L], int32 with 0 = [PAD]."""
        training = training and self.text_tower.trainable
        features = self.text_dropout(self.text_tower(token_ids, training=training), training=training)
        return ops.normalize(self.text_projection(features), axis=-1)

    def call(self, batch: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Returns {"image": [B, D], "text": [B, D]} of a batch {"image": [B, H, W, 3], "token_ids": [B, L]}."""
        return {
            "image": self.encode_image(batch["image"], training=training),
            "text": self.encode_text(batch["token_ids"], training=training),
        }

    def get_config(self) -> dict[str, Any]:
        towers = {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in TOWERS}
        settings = ("embedding", "initial_temperature", "dropout", "name")
        return {**towers, **{name: getattr(self, name) for name in settings}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> DualEncoder:
        towers = {name: keras.saving.deserialize_keras_object(config[name], custom_objects) for name in TOWERS}
        return cls(**{**config, **towers})


@keras.saving.register_keras_serializable(package="align")
class Between(keras.constraints.Constraint):
    """Clip a weight to [low, high] after each step."""

    def __init__(self, low: float, high: float) -> None:
        self.low = low
        self.high = high

    def __call__(self, w: Any) -> Any:
        return ops.clip(w, self.low, self.high)

    def get_config(self) -> dict[str, float]:
        return {"low": self.low, "high": self.high}


def _projection_between(width: int, embedding: int, name: str) -> keras.layers.Layer:
    """Returns a linear layer from `width` to `embedding`, or the identity where they are equal."""
    if width == embedding:
        return keras.layers.Identity(name=name)
    projection = keras.layers.Dense(embedding, name=name)
    projection.build((None, width))
    return projection
