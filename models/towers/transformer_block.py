"""A block of BERT's encoder, of Keras's own layers: keras-hub's like it loads TensorFlow on every backend.

Weights have keras-hub's names and order. Legend: B batch, L word pieces, Q of them that are asked for, H hidden width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from models.towers.cpu.choice import fast_forms

Activation = Callable[[Any], Any]


@keras.saving.register_keras_serializable(package="align")
class TransformerBlock(keras.layers.Layer):
    """Self-attention and a two-layer perceptron, each added to its input and then normalised.

    Args:
      heads, intermediate: attention heads; inner width of the perceptron.
      dropout: rate in attention and after each half.
      epsilon: of layer norm.
      kernel_initializer: of all kernels.

    Call:
      rows [B, Q, H], those of x whose outputs are asked for; x [B, L, H]; real [B, L] bool, false where a piece is seen
      by none -> [B, Q, H].

    Examples:
      >>> how = {"dropout": 0.1, "epsilon": 1e-12, "kernel_initializer": keras.initializers.GlorotUniform()}
      >>> block, x = TransformerBlock(heads=2, intermediate=32, **how), ops.ones([2, 5, 8])
      >>> tuple(block(x[:, :1], x, ops.ones([2, 5], "bool")).shape)
      (2, 1, 8)

    Reference:
      Devlin et al., BERT, arXiv:1810.04805; Vaswani et al., arXiv:1706.03762.
    """

    def __init__(
        self,
        *,
        heads: int,
        intermediate: int,
        dropout: float,
        epsilon: float,
        kernel_initializer: keras.initializers.Initializer,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.heads, self.intermediate, self.dropout, self.epsilon = heads, intermediate, dropout, epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        hidden = input_shape[-1]
        self.attention = keras.layers.MultiHeadAttention(
            self.heads,
            hidden // self.heads,
            dropout=self.dropout,
            kernel_initializer=self._initializer(),
            dtype=self.dtype_policy,
            name="self_attention_layer",
        )
        self.attention.build(query_shape=input_shape, value_shape=input_shape)
        self.attention_norm = self._norm("self_attention_layer_norm", input_shape)
        self.perceptron_norm = self._norm("feedforward_layer_norm", input_shape)
        forms = fast_forms()
        activation = _gelu if forms is None else forms.gelu
        self.widen = self._dense(self.intermediate, activation, "feedforward_intermediate_dense", input_shape)
        self.narrow = self._dense(hidden, None, "feedforward_output_dense", (*input_shape[:-1], self.intermediate))
        self.attention_dropout = keras.layers.Dropout(self.dropout, name="self_attention_dropout")
        self.perceptron_dropout = keras.layers.Dropout(self.dropout, name="feedforward_dropout")
        self.built = True

    def call(self, rows: Any, x: Any, real: Any, training: bool | None = None) -> Any:
        attended = self.attention(query=rows, value=x, attention_mask=real[:, None, :], training=training)
        x = self.attention_norm(rows + self.attention_dropout(attended, training=training))
        flat = ops.reshape(x, [-1, x.shape[-1]])  # [B Q, H]: one product, whose kernel gradient needs no sum over B
        widened = ops.reshape(self.narrow(self.widen(flat)), ops.shape(x))
        return self.perceptron_norm(x + self.perceptron_dropout(widened, training=training))

    def compute_output_shape(self, input_shape: tuple[Any, ...], *_: Any) -> tuple[Any, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        settings = {name: getattr(self, name) for name in ("heads", "intermediate", "dropout", "epsilon")}
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), **settings, "kernel_initializer": initializer}

    def _initializer(self) -> keras.initializers.Initializer:
        """Returns one more like it: the same one would give layers of one shape the same weights."""
        return self.kernel_initializer.clone()

    def _norm(self, name: str, input_shape: tuple[Any, ...]) -> keras.layers.Layer:
        norm = keras.layers.LayerNormalization(epsilon=self.epsilon, dtype=self.dtype_policy, name=name)
        norm.build(input_shape)
        return norm

    def _dense(
        self, width: int, activation: Activation | None, name: str, input_shape: tuple[Any, ...]
    ) -> keras.layers.Layer:
        dense = keras.layers.Dense(
            width, activation, kernel_initializer=self._initializer(), dtype=self.dtype_policy, name=name
        )
        dense.build(input_shape)
        return dense


def _gelu(x: Any) -> Any:
    """Returns x Phi(x), with the exact normal distribution, as BERT has it (arXiv:1606.08415)."""
    return ops.gelu(x, approximate=False)
