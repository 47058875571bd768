"""Word pieces inside the graph: strings to padded token ids, the same in training, evaluation and serving.

Legend: N strings, L model.text_max_pieces.
"""

from __future__ import annotations

import tensorflow as tf
import tensorflow_text as tf_text

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
PAD_ID = 0
MAX_WORD_BYTES = 400  # 100 characters of at most 4 bytes: the longest word that BERT splits into pieces

# Characters that BERT's normaliser drops: control characters other than tab, line feed and carriage return, format
# characters (zero-width joiners of emoji among them), private use and the replacement character.
_DROPPED = r"[\x{0}-\x{8}\x{b}\x{c}\x{e}-\x{1f}\x{7f}-\x{9f}\p{Cf}\p{Co}\x{FFFD}]"
_ACCENTS = r"\p{Mn}"


class Tokenizer(tf.Module):
    """Split lower-cased, accent-stripped strings into word pieces as BERT does.

    A string becomes `[CLS] piece ... piece [SEP]`, cut to L with [SEP] kept and padded with 0.

    The ids equal those of Hugging Face's BertWordPieceTokenizer on the same vocabulary but for three cases, each
    held by a test: (1) "[SEP]" and its like written in a caption are plain characters here, so that a caption cannot
    forge a reserved token; (2) a word of more than 100 characters is unknown there, here one of more than 400 bytes;
    (3) code points that the two libraries' Unicode versions know differently.
    We compose TF Text's operations ourselves because its two BERT tokenizers fold case (ß becomes ss), apply
    compatibility forms (™ becomes tm) and put blanks for zero-width joiners, where BERT does none of these.

    The pieces travel in the graph as a constant, and all operations are in TF Text's `ops_lib`, which the stock
    TensorFlow Serving server links.

    Attributes:
      pieces: the vocabulary in order of id.
      max_pieces: L.
    """

    def __init__(self, pieces: list[str], max_pieces: int) -> None:
        super().__init__(name="tokenizer")
        self.pieces = tuple(pieces)
        self.max_pieces = max_pieces
        self._start_id, self._end_id = pieces.index(START), pieces.index(END)
        self._word_pieces = tf_text.FastWordpieceTokenizer(
            list(pieces), max_bytes_per_word=MAX_WORD_BYTES, token_out_type=tf.int32, unknown_token=UNKNOWN
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
        clean = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", errors="replace")
        clean = tf.strings.regex_replace(clean, _DROPPED, "")
        lower = tf.strings.lower(clean, encoding="utf-8")
        bare = tf.strings.regex_replace(tf_text.normalize_utf8(lower, "NFD"), _ACCENTS, "")
        pieces = self._word_pieces.tokenize(bare)[:, : self.max_pieces - 2]  # ragged [N, (pieces)]
        column = tf.ones([tf.shape(texts)[0], 1], tf.int32)
        ids = tf.concat([column * self._start_id, pieces, column * self._end_id], axis=1)
        return ids.to_tensor(PAD_ID, shape=[None, self.max_pieces])
