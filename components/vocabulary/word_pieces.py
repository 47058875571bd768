"""Learns word pieces from word counts: the same counts give the same pieces in the same order, in any process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.trainers import WordPieceTrainer

from components.vocabulary.config import RESERVED_TOKENS, VocabularyConfig

CONTINUATION = "##"  # marks a piece that does not begin a word
UNKNOWN = "[UNK]"
MAX_WORD_CHARACTERS = 100  # BERT reads longer words as [UNK]
MAX_REPLAYED_WORDS = 50_000_000  # about half a minute on two cores
_WORDS_PER_LINE = 1000


def learn_pieces(counts: Mapping[str, int], config: VocabularyConfig) -> list[str]:
    """Learn a vocabulary by merging the most frequent pair of pieces until `config.size` pieces are found.

    `tokenizers` counts words itself and cannot be given counts, so each word is replayed as often as it was counted,
    up to MAX_REPLAYED_WORDS in all; we differ above that: counts are then scaled down together, rounded, at least 1.
    It adds up the counts of a pair in 32 bits, which is another reason for a limit.

    All single characters, whole and as a continuation, stand in front of the learnt pieces: `tokenizers` would number
    the continuations in the order of a hash map, and equal pair counts are decided by number. They take at most half
    of the vocabulary, the most frequent first; words with a rarer character are left out.

    Args:
      counts: word -> times seen; words as `words.split_words` cuts them.
      config: size and least count.

    Returns:
      Pieces in order of id: RESERVED_TOKENS, characters, their continuations, then the learnt pieces.
    """
    counts = {
        word: count
        for word, count in counts.items()
        if count >= config.min_word_count and len(word) <= MAX_WORD_CHARACTERS
    }
    characters = choose_alphabet(counts, (config.size - len(RESERVED_TOKENS)) // 2)
    alphabet = set(characters)
    given = [*RESERVED_TOKENS, *characters, *(CONTINUATION + character for character in characters)]
    trainer = WordPieceTrainer(
        vocab_size=config.size, special_tokens=given, continuing_subword_prefix=CONTINUATION, show_progress=False
    )
    tokenizer = Tokenizer(WordPiece(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    words = {word: count for word, count in counts.items() if alphabet.issuperset(word)}
    tokenizer.train_from_iterator(replay(words, MAX_REPLAYED_WORDS), trainer)
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def choose_alphabet(counts: Mapping[str, int], places: int) -> list[str]:
    """Returns the most frequent characters, each of which takes two of `places`, in order of code point."""
    points = np.frombuffer("".join(counts).encode("utf-32-le"), np.uint32)
    lengths = np.fromiter(map(len, counts), np.int64, len(counts))
    times = np.repeat(np.fromiter(counts.values(), np.int64, len(counts)), lengths)
    different, character = np.unique(points, return_inverse=True)
    seen = np.zeros(len(different), np.int64)
    np.add.at(seen, character, times)
    by_frequency = np.lexsort((different, -seen))
    return [chr(point) for point in sorted(different[by_frequency[: places // 2]].tolist())]


def replay(counts: Mapping[str, int], at_most: int) -> Iterator[str]:
    """Yield lines that hold each word as often as it was counted, in proportion where that exceeds `at_most`."""
    total = sum(counts.values())
    scale = min(1.0, at_most / total) if total else 1.0
    line: list[str] = []
    for word in sorted(counts):
        times = counts[word] if scale == 1.0 else max(1, round(counts[word] * scale))
        while len(line) + times >= _WORDS_PER_LINE:
            room = _WORDS_PER_LINE - len(line)
            yield " ".join(line + [word] * room)
            times -= room
            line = []
        line += [word] * times
    if line:
        yield " ".join(line)
