"""What the Vocabulary component learns: the `vocabulary` section of a config."""

from __future__ import annotations

from dataclasses import dataclass

from components.config_fields import refuse_unless

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

    Examples:
      >>> VocabularyConfig(size=5)
      Traceback (most recent call last):
        ...
      ValueError: vocabulary.size is 5; it must exceed the 5 reserved tokens
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
        refuse_unless(self, "vocabulary", lambda n: n >= 1, "1 or more", "min_word_count", "max_distinct_words")
