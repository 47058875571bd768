"""The text tower: BERT, read at its [CLS] token (ALIGN section 4.1).

Our own rather than keras-hub's BertBackbone, which computes GELU by the tanh approximation where BERT and the public
ALIGN weights have the exact one. Weights have the names of keras-hub's layers.

Legend: B per-replica batch, L word pieces, H hidden width.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from models.texts.reserved_pieces import PAD_ID
from models.towers.transformer_block import TransformerBlock

LAYER_NORM_EPSILON = 1e-12  # arXiv:1810.04805, public code
BASE_STDDEV, BASE_HIDDEN = 0.02, 768  # of initial weights in BERT base: arXiv:1810.04805, public code


@keras.saving.register_keras_serializable(package="align")
class TextTower(keras.Model):
    """Map word pieces to the hidden state of the first, [CLS], by a transformer encoder.

    A caption is one segment, so there is one segment embedding; there is no pooler, as the paper takes [CLS] itself.
    Pieces of id PAD_ID are seen by none.

    Args:
      vocabulary_size: number of word pieces.
      layers, hidden, heads, intermediate: BERT's sizes; base is 12, 768, 12, 3072.
      max_pieces: greatest L.
      dropout: rate after the embeddings, in attention and after each half of a block.

    Call:
      token ids [B, L] int32 -> features [B, H].

    Examples:
      >>> tower = TextTower(100, layers=1, hidden=16, heads=2, intermediate=32, max_pieces=8)
      >>> tuple(tower(ops.ones([2, 5], "int32")).shape)
      (2, 16)

    Reference:
      Devlin et al., BERT, arXiv:1810.04805.
    """

    def __init__(
        self,
        vocabulary_size: int,
        *,
        layers: int,
        hidden: int,
        heads: int,
        intermediate: int,
        max_pieces: int,
        dropout: float = 0.1,
        name: str = "text_tower",
        **kwargs: Any,
    ) -> None:
        token_embedding, position_embedding, segment_embedding = (
            keras.layers.Embedding(rows, hidden, embeddings_initializer=_initializer(hidden), name=f"{of}_embedding")
            for of, rows in (("token", vocabulary_size), ("position", max_pieces), ("segment", 1))
        )
        blocks = [
            TransformerBlock(
                heads=heads,
                intermediate=intermediate,
                dropout=dropout,
                epsilon=LAYER_NORM_EPSILON,
                kernel_initializer=_initializer(hidden),
                name=f"transformer_layer_{i}",
            )
            for i in range(layers)
        ]

        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        real = ops.not_equal(token_ids, PAD_ID)  # [B, L]
        tokens = token_embedding(token_ids)  # [B, L, H]
        segment = segment_embedding(ops.zeros_like(token_ids[:1, :1]))  # [1, 1, H]
        places = ops.cumsum(ops.ones_like(token_ids[:1, :]), axis=1) - 1  # [1, L]: 0, 1, ...
        x = keras.layers.Add(name="embeddings_add")([tokens, position_embedding(places)]) + segment
        x = keras.layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, name="embeddings_layer_norm")(x)
        x = keras.layers.Dropout(dropout, name="embeddings_dropout")(x)
        for block in blocks[:-1]:
            x = block(x, x, real)
        x = blocks[-1](x[:, :1, :], x, real)  # nothing reads the other pieces' last states
        super().__init__(token_ids, x[:, 0, :], name=name, **kwargs)

        self.vocabulary_size, self.max_pieces, self.dropout = vocabulary_size, max_pieces, dropout
        self.num_layers, self.hidden, self.heads, self.intermediate = layers, hidden, heads, intermediate

    def get_config(self) -> dict[str, Any]:
        names = ("vocabulary_size", "hidden", "heads", "intermediate", "max_pieces", "dropout", "name")
        return {"layers": self.num_layers, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> TextTower:
        return cls(**config)


def _initializer(hidden: int) -> keras.initializers.Initializer:
    """Returns BERT's initialiser, kept to the same gain at every width.

    We differ: BERT writes 0.02 at every width. At 128, blocks would then pass a fortieth of their input on, so that
    [CLS] hardly sees the words, and a small tower stands still for its first hundreds of steps.
    """
    return keras.initializers.TruncatedNormal(stddev=BASE_STDDEV * (BASE_HIDDEN / hidden) ** 0.5)
