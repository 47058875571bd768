"""A vocabulary of BERT's size in which every word of Latin letters is spelt out: nothing to learn, nothing unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.texts.tokenizer import Tokenizer

PIECES = 30_522  # BERT's, so that an optimizer has as much to hold


def spelling_tokenizer(max_pieces: int) -> Tokenizer:
    """Returns the tokenizer, whose texts are cut and padded to `max_pieces`."""
    from models.texts.tokenizer import Tokenizer

    letters = [f"{before}{chr(code)}" for before in ("", "##") for code in range(ord("a"), ord("z") + 1)]
    reserved = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    unused = [f"[unused{number}]" for number in range(PIECES - len(reserved) - len(letters))]
    return Tokenizer([*reserved, *letters, *unused], max_pieces)
