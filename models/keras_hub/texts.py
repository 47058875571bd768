"""Token ids from strings, as KerasHub's own preprocessor makes them, in a graph that can be saved and served.

Legend: N texts, L tokens of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

PROBES = (  # on these a tokenizer inside a graph may read otherwise than outside of it, or than OpenAI's
    "",
    "  a photo of\ttwo   cats\n",
    "Route 66 in 2024, 10km",
    "It's the café’s ÉCLAIR, Straße ŽLUŤOUČKÝ",
    "e\u0301clair",
    "a\u00a0b\u2003c",
    "!!! \U0001f408\U0001f408 <b>&amp;</b> C++/C#",
    "北京 猫 東京タワー",
    "x" * 90 + " " + "word " * 90,
)
_MERGING = ("_bpe_merge_and_update_cache", "_bpe_merge_and_update_cache_tf")  # of older and of newer KerasHub
_SPACES = r"[\s\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+"
_NUMERAL = r"(\p{N})"


def as_given(texts: tf.Tensor) -> tf.Tensor:
    """Returns the texts."""
    return texts


def as_openai(texts: tf.Tensor) -> tf.Tensor:
    """Bring texts into the form in which KerasHub's CLIP tokenizer splits them as OpenAI's does.

    OpenAI's composes accents, takes any space for one, lowers all letters and makes each numeral a word; inside a graph
    KerasHub's does neither.
    """
    texts = tf_text.normalize_utf8(texts, "NFC")
    texts = tf.strings.regex_replace(texts, _SPACES, " ")
    texts = tf.strings.lower(texts, encoding="utf-8")
    return tf.strings.regex_replace(texts, _NUMERAL, r"\1 ")


class Tokens(tf.Module):
    """A preprocessor's token ids, by its own layers.

    KerasHub's byte-pair tokenizer keeps each word that it ever saw in a table, which no SavedModel takes and which
    would grow in a server for ever. Here each call makes the pieces of its own words.

    Args:
      preprocessor: KerasHub's CLIPPreprocessor or SigLIPPreprocessor; its tokenizer is changed.

    Raises:
      ValueError: where the graph does not make the token ids that the preprocessor makes outside of it.
    """

    def __init__(self, preprocessor: Any) -> None:
        super().__init__(name="tokens")
        no_image = (1, *preprocessor.image_converter.image_size, 3)

        def token_ids(texts: tf.Tensor) -> tf.Tensor:
            return preprocessor({"prompts": texts, "images": tf.zeros(no_image)})["token_ids"]

        own = np.asarray(token_ids(tf.constant(PROBES)))  # [N, L]
        tokenizer = preprocessor.tokenizer
        if hasattr(tokenizer, "cache"):
            tokenizer.cache = _Pieces(tokenizer)
            for name in _MERGING:
                setattr(tokenizer, name, tokenizer.cache.insert)
        self.tables = _tables(tokenizer)
        for form in (as_given, as_openai):
            self._in_graph = _compiled(token_ids, form)
            if np.array_equal(own, np.asarray(self._in_graph(tf.constant(PROBES)))):
                return
        raise ValueError(
            f"this KerasHub's {type(preprocessor).__name__} makes other token ids inside a graph than outside of it; "
            "take the version of KerasHub that this project is tested with"
        )

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns [N, L] int32 token ids of [N] strings."""
        return self._in_graph(texts)


class _Pieces(tf.Module):
    """Stands in the place of KerasHub's BytePairTokenizerCache while a graph is traced: it knows each word's pieces.

    It merges as KerasHub does, in each step the leftmost pair of the lowest rank, in a tenth of the operations.

    Args:
      tokenizer: a CLIPTokenizer of KerasHub, whose tables are used.
    """

    def __init__(self, tokenizer: Any) -> None:
        super().__init__(name="pieces")
        words = tf.constant(tokenizer.unsplittable_tokens or [""])
        self._whole = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(words, words), default_value="")
        self._letters, self._ranks = tokenizer.byte2unicode, tokenizer.merge_ranks
        self._no_rank = tokenizer.merge_ranks_lookup_default
        self._found, self._is_asked_again = tf.constant([""]), False

    def lookup(self, words: tf.Tensor) -> tf.Tensor:
        """Returns the pieces of each word, joined by spaces."""
        if self._is_asked_again:  # from inside the branch for words that were missing, of which there are none
            self._is_asked_again = False
            return self._found
        distinct, index = tf.unique(words)
        whole = self._whole.lookup(distinct)
        found = tf.gather(tf.where(whole == "", self._merged(distinct), whole), index)
        self._found = tf.ensure_shape(found, [None])
        return self._found

    def insert(self, *_: tf.Tensor) -> None:
        """Keep nothing; the tokenizer looks the same words up next."""
        self._is_asked_again = True

    def _merged(self, words: tf.Tensor) -> tf.Tensor:
        letters = self._letters.lookup(tf.strings.bytes_split(words))  # ragged [N, (letters)]
        dense = letters.to_tensor()
        is_last = tf.range(tf.shape(dense, tf.int64)[1]) == letters.row_lengths()[:, None] - 1
        dense = tf.strings.join([dense, tf.where(is_last, "</w>", "")])
        dense = tf.pad(dense, [[0, 0], [0, 2]], constant_values="")  # so that each row has a pair

        def step(pieces: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            behind = tf.pad(pieces[:, 1:], [[0, 0], [0, 1]], constant_values="")
            joined = tf.strings.join([pieces, behind])
            ranks = tf.where(behind == "", self._no_rank, self._ranks.lookup(tf.strings.join([pieces, behind], " ")))
            at = tf.argmin(ranks, axis=1, output_type=tf.int32)[:, None]
            place = tf.range(tf.shape(pieces)[1])[None]
            after = tf.where(place < at, pieces, tf.where(place == at, joined, behind))
            merges = tf.reduce_min(ranks, axis=1) != self._no_rank
            return tf.where(merges[:, None], after, pieces), tf.reduce_any(merges)

        shape = tf.TensorShape([None, None])
        pieces, _ = tf.while_loop(
            lambda _, goes_on: goes_on, step, (dense, tf.constant(True)), (shape, tf.TensorShape([]))
        )
        return tf.strings.strip(tf.strings.reduce_join(pieces, axis=1, separator=" "))


def _compiled(token_ids: Callable[[tf.Tensor], tf.Tensor], form: Callable[[tf.Tensor], tf.Tensor]) -> Any:
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    def in_graph(texts: tf.Tensor) -> tf.Tensor:
        return token_ids(form(texts))

    return in_graph.get_concrete_function()  # else it would be traced once more inside another


def _tables(layer: Any) -> list[Any]:
    """Returns the tables and models that a tokenizer holds, which a SavedModel must be told of."""
    kinds = (tf.lookup.StaticHashTable, tf.Module)
    return [value for value in vars(layer).values() if isinstance(value, kinds)]
