"""What the Vocabulary component learns: the `vocabulary` section of a config."""

from __future__ import annotations

from dataclasses import dataclass

RESERVED_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # ids 0 to 4


@dataclass(frozen=True)
class VocabularyConfig:
    """Size of the word-piece vocabulary, or one that is given.

    Attributes:
      file: a vocabulary to take instead of learning one, one piece a line, [PAD] first: that of a base model, say. Then
        the other fields are not looked at. null learns one.
      size: pieces in all, reserved tokens included; fewer when the captions hold fewer.
        ALIGN section 4: 100 k (multilingual 250 k), arXiv:2102.05918. [pieces; ALIGN section 4]
      min_word_count: words seen less often in the train split's captions teach no piece. [occurrences; ours]
      max_distinct_words: of more distinct words than this, the rarest teach no piece either: the least count is raised
        until they are no more. Learning holds them in memory, about 1 kB each. The report says which count it was.
        [words; ours]
    """

    file: str | None = None
    size: int = 100_000
    min_word_count: int = 1
    max_distinct_words: int = 5_000_000

    def __post_init__(self) -> None:
        if self.size <= len(RESERVED_TOKENS):
            raise ValueError(
                f"vocabulary.size is {self.size}; it must exceed the {len(RESERVED_TOKENS)} reserved tokens"
            )
        if self.min_word_count < 1:
            raise ValueError(f"vocabulary.min_word_count is {self.min_word_count}; it must be 1 or more")
        if self.max_distinct_words < 1:
            raise ValueError(f"vocabulary.max_distinct_words is {self.max_distinct_words}; it must be 1 or more")
