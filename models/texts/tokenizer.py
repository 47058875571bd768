"""Word pieces inside the graph: strings to padded token ids, the same in training, evaluation and serving.

Legend: N strings, L model.text_max_pieces.
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_text as tf_text

from models.texts.bert_characters import ACCENT, BLANK, DROPPED, IDEOGRAPH, PUNCTUATION
from models.texts.reserved_pieces import END, PAD, PAD_ID, START, UNKNOWN

CAPITAL_SIGMA, SIGMA = "\u03a3", "\u03c3"
MAX_WORD_CHARACTERS = 100  # BERT reads longer words as [UNK]
_MAX_WORD_BYTES = 4 * MAX_WORD_CHARACTERS
_UNKNOWN_WORD = "x" * (_MAX_WORD_BYTES + 1)  # too long for any vocabulary


class Tokenizer(tf.Module):
    """Split lower-cased, accent-stripped strings into word pieces as BERT does.

    A string becomes `[CLS] piece ... piece [SEP]`, cut to L with [SEP] kept and padded with 0.

    The ids equal those of Hugging Face's BertTokenizerFast on the same vocabulary, for each code point and on 10 000
    captions of a test, with one difference: "[SEP]" and its like written in a caption are plain characters here, so
    that a caption cannot forge a reserved token. (They are so there too where its `encode_special_tokens` is set.)
    We compose TF Text's operations ourselves because its two BERT tokenizers fold case (ß becomes ss), apply
    compatibility forms (™ becomes tm) and put blanks for zero-width joiners, where BERT does none of these, and class
    characters by another version of Unicode (`bert_characters`).

    The pieces travel in the graph as a constant, and all operations are in TF Text's `ops_lib`, which the stock
    TensorFlow Serving server links.

    Attributes:
      pieces: the vocabulary in order of id.
      max_pieces: L.

    Examples:
      >>> tokenizer = Tokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cat", "##s"], max_pieces=6)
      >>> tokenizer(["Cats", "a cat"]).numpy()
      array([[2, 4, 5, 3, 0, 0],
             [2, 1, 4, 3, 0, 0]], dtype=int32)
    """

    def __init__(self, pieces: list[str], max_pieces: int) -> None:
        super().__init__(name="tokenizer")
        self.pieces = tuple(pieces)
        self.max_pieces = max_pieces
        self._start_id, self._end_id = pieces.index(START), pieces.index(END)
        self._word_pieces = tf_text.FastWordpieceTokenizer(
            list(pieces),
            max_bytes_per_word=_MAX_WORD_BYTES,
            token_out_type=tf.int32,
            unknown_token=UNKNOWN,
            no_pretokenization=True,
        )

    @classmethod
    def from_file(cls, path: str, max_pieces: int) -> Tokenizer:
        """Read a vocabulary of one piece a line, ids by line from 0.

        Args:
          path: a vocab.txt in UTF-8.
          max_pieces: L, at least 3.

        Raises:
          ValueError: where the file is not UTF-8, holds a piece twice or lacks a reserved token; the message names
            the file.
        """
        with tf.io.gfile.GFile(path, "rb") as file:
            content = file.read()
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"vocabulary {path} is not UTF-8 at byte {error.start}; save it as UTF-8") from error
        pieces = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
        missing = [token for token in (PAD, UNKNOWN, START, END) if token not in pieces]
        if missing:
            raise ValueError(
                f"vocabulary {path} lacks the reserved pieces {', '.join(missing)} among its {len(pieces)} lines; "
                "give a vocab.txt as the Vocabulary component or BERT writes it"
            )
        if pieces[PAD_ID] != PAD:
            raise ValueError(f"vocabulary {path} begins with {pieces[PAD_ID]!r}; its first line must be {PAD}, id 0")
        if len(set(pieces)) < len(pieces):
            twice = next(piece for index, piece in enumerate(pieces) if piece in pieces[:index])
            raise ValueError(f"vocabulary {path} holds the piece {twice!r} twice; each line must differ")
        return cls(pieces, max_pieces)

    @property
    def size(self) -> int:
        """Number of pieces: one above the greatest id."""
        return len(self.pieces)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Returns [N, L] int32 token ids of [N] UTF-8 strings; invalid UTF-8 reads as replacement characters."""
        words = split_words(texts)  # ragged [N, (words)]
        pieces = self._word_pieces.tokenize(words).merge_dims(1, 2)  # ragged [N, (pieces)]
        pieces = pieces[:, : self.max_pieces - 2]
        column = tf.ones([tf.shape(texts)[0], 1], tf.int32)
        ids = tf.concat([column * self._start_id, pieces, column * self._end_id], axis=1)
        return ids.to_tensor(PAD_ID, shape=[None, self.max_pieces])


def split_words(texts: tf.Tensor) -> tf.RaggedTensor:
    """Returns ragged [N, (words)] words of [N] UTF-8 strings, a word that is too long replaced by an unknown one.

    Reference: BERT's basic tokenizer, arXiv:1810.04805.
    """
    clean = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
    clean = tf.strings.regex_replace(clean, DROPPED, "")
    apart = tf.strings.regex_replace(clean, IDEOGRAPH, r" \0 ")
    sigma = tf.strings.regex_replace(apart, CAPITAL_SIGMA, SIGMA)  # lower() ends a word on another one, BERT does not
    lower = tf.strings.lower(sigma, encoding="utf-8")
    bare = tf.strings.regex_replace(tf_text.normalize_utf8(lower, "NFD"), ACCENT, "")
    apart = tf.strings.regex_replace(bare, PUNCTUATION, r" \0 ")
    words = tf.strings.split(tf.strings.regex_replace(apart, BLANK, " "))
    too_long = tf.strings.length(words.flat_values, unit="UTF8_CHAR") > MAX_WORD_CHARACTERS
    return words.with_flat_values(tf.where(too_long, _UNKNOWN_WORD, words.flat_values))
