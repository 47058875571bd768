"""How a vocabulary covers the words that it was learnt from, in all and by language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from tokenizers.models import WordPiece

from components.vocabulary.word_pieces import CONTINUATION, MAX_WORD_CHARACTERS, UNKNOWN

MAX_LANGUAGES = 100  # that a report lists; ALIGN's multilingual data has "100+" (section 6, arXiv:2102.05918)
OTHER_LANGUAGES = "other"  # where there are more, the rest together; no language has this tag


@dataclass(frozen=True)
class Coverage:
    """What a vocabulary makes of some captions.

    Attributes:
      captions: captions counted.
      words: words in them.
      distinct_words: different ones among them.
      unknown_word_rate: share of `words` that read as [UNK], in [0, 1].
      pieces_per_word: mean over `words`; [UNK] is one piece.
    """

    captions: int
    words: int
    distinct_words: int
    unknown_word_rate: float
    pieces_per_word: float


@dataclass(frozen=True)
class CoverageReport:
    """The coverage of all captions and of each language's.

    Attributes:
      pieces: size of the vocabulary.
      least_word_count: how often a word was seen that taught a piece, at least.
      overall: of all captions.
      languages: BCP 47 tag -> of its captions, most captions first. A word of two languages is distinct in both.
    """

    pieces: int
    least_word_count: int
    overall: Coverage
    languages: dict[str, Coverage]

    def to_json(self) -> dict:
        """Returns the report as components.artifacts.Vocabulary describes it."""
        return {
            "pieces": self.pieces,
            "least_word_count": self.least_word_count,
            **asdict(self.overall),
            "languages": {language: asdict(coverage) for language, coverage in self.languages.items()},
        }


def measure_coverage(
    pieces: list[str], counts: Iterable[tuple[str, Mapping[str, int]]], captions: Mapping[str, int], least: int = 1
) -> CoverageReport:
    """Cut each word into pieces as the model does, longest match first, and average over the words of all captions.

    Args:
      pieces: the vocabulary.
      counts: (word, language -> times seen), each distinct word once, also those that taught no piece.
      captions: language -> captions that the words came from.
      least: times that a word was seen that taught a piece, at least.
    """
    model = WordPiece(
        {piece: index for index, piece in enumerate(pieces)},
        unk_token=UNKNOWN,
        max_input_chars_per_word=MAX_WORD_CHARACTERS,
        continuing_subword_prefix=CONTINUATION,
    )
    listed = list_languages(captions)
    by_language = {language: _Sums() for language in listed}
    overall = _Sums()
    for language, number in captions.items():
        by_language[listed_as(language, by_language)].captions += number
        overall.captions += number
    for word, times in counts:
        found = model.tokenize(word)
        known, length = found[0].value != UNKNOWN, len(found)
        overall.add(sum(times.values()), length, known)
        merged: dict[str, int] = {}
        for language, count in times.items():
            name = listed_as(language, by_language)
            merged[name] = merged.get(name, 0) + count
        for language, count in merged.items():
            by_language[language].add(count, length, known)
    return CoverageReport(
        pieces=len(pieces),
        least_word_count=least,
        overall=overall.coverage(),
        languages={language: sums.coverage() for language, sums in by_language.items()},
    )


def list_languages(captions: Mapping[str, int], at_most: int = MAX_LANGUAGES) -> list[str]:
    """Returns the languages of most captions, in order, with OTHER_LANGUAGES at the end where they are not all."""
    ranked = sorted(captions, key=lambda language: (-captions[language], language))
    return ranked if len(ranked) <= at_most else [*ranked[: at_most - 1], OTHER_LANGUAGES]


def listed_as(language: str, listed: Mapping[str, object]) -> str:
    """Returns the name that a language's words are reported under."""
    return language if language in listed else OTHER_LANGUAGES


@dataclass
class _Sums:
    captions: int = 0
    words: int = 0
    distinct_words: int = 0
    unknown: int = 0
    pieces: int = 0

    def add(self, count: int, pieces: int, known: bool) -> None:
        self.words += count
        self.distinct_words += 1
        self.pieces += count * pieces
        self.unknown += 0 if known else count

    def coverage(self) -> Coverage:
        return Coverage(
            captions=self.captions,
            words=self.words,
            distinct_words=self.distinct_words,
            unknown_word_rate=self.unknown / self.words if self.words else 0.0,
            pieces_per_word=self.pieces / self.words if self.words else 0.0,
        )
