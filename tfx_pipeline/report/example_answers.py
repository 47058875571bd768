"""Asks the trained model example questions over the evaluation splits: texts for images, and images for texts.

Legend: N images of one split, M captions, D embedding dimension.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from serving.pictures import PictureError, View
from tfx_pipeline.runs.corpus import CorpusImage, read_split

if TYPE_CHECKING:
    from serving.encoders.encoder import Encoder

MAX_IMAGES = 2000  # of a split, so that a report of a large run takes minutes, not hours
MAX_CAPTIONS = 4000
CAPTION_QUESTIONS, LABEL_QUESTIONS, IMAGE_QUESTIONS = 8, 4, 6  # over all splits
IMAGE_ANSWERS, CAPTION_ANSWERS = 6, 3
THUMBNAIL_PX = 96
IMAGES_AT_ONCE = 64


@dataclass(frozen=True)
class Answer:
    """One answer to a question.

    Attributes:
      score: cosine with the question.
      right: whether it belongs to the question.
      text: the found caption, or the first caption of the found image.
      thumbnail: JPEG of the found image; None where captions are the answers, or where it does not decode.
    """

    score: float
    right: bool
    text: str
    thumbnail: bytes | None = None


@dataclass(frozen=True)
class Question:
    """A question with its best answers.

    Attributes:
      text: what was asked; for an image, its first caption; for a class, its label.
      answers: best first.
      rank: place of the best right answer among all, from 1.
      thumbnail: JPEG of the image that asked, None where a text asked.
      asked_as: for a class, the texts whose mean embedding asked.
    """

    text: str
    answers: tuple[Answer, ...]
    rank: int
    thumbnail: bytes | None = None
    asked_as: tuple[str, ...] = ()


@dataclass(frozen=True)
class SplitAnswers:
    """The questions that were put to one split.

    Attributes:
      split: its name.
      images, captions: how many were searched.
      by_caption: captions of the split ask for their image.
      by_label: classes ask for their images, as in zero-shot evaluation.
      by_image: images ask for their captions.
    """

    split: str
    images: int
    captions: int
    by_caption: tuple[Question, ...]
    by_label: tuple[Question, ...]
    by_image: tuple[Question, ...]


ExampleAnswers = tuple[SplitAnswers, ...]


@dataclass(frozen=True)
class _Pair:
    """An image of a split without its bytes."""

    captions: tuple[str, ...]
    label: str


def find_answers(
    encoder: Encoder, examples: Path, splits: Sequence[str], texts_of: Callable[[str], tuple[str, ...]]
) -> ExampleAnswers:
    """Ask the same questions of the same data each time: they are taken evenly from the split, none is chosen.

    Args:
      encoder: of the trained model.
      examples: folder of the filtered Examples.
      splits: splits to ask, those without an image are left out.
      texts_of: a class label -> the texts that ask for it.

    Returns:
      Questions and answers of each split.

    Raises:
      EncodeError: when the model refuses an input.
    """
    found = []
    for split in splits:
        answered = _ask_split(encoder, examples, split, texts_of, share=len(splits))
        if answered is not None:
            found.append(answered)
    return tuple(found)


def evenly(total: int, wanted: int) -> list[int]:
    """Returns `wanted` different positions in range(total), evenly spread; all of them where there are fewer."""
    wanted = min(total, wanted)
    return [(2 * number + 1) * total // (2 * wanted) for number in range(wanted)]


def make_thumbnail(encoded: bytes) -> bytes | None:
    """Returns an image as a JPEG of at most THUMBNAIL_PX a side; None where Pillow cannot decode it."""
    try:
        drawn = View(encoded).pixels("RGB", 2 * THUMBNAIL_PX)
    except PictureError:
        return None
    drawn.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    drawn.save(buffer, "JPEG", quality=82, optimize=True)
    return buffer.getvalue()


def _ask_split(
    encoder: Encoder, examples: Path, split: str, texts_of: Callable[[str], tuple[str, ...]], share: int
) -> SplitAnswers | None:
    pairs, images = _embed_images(encoder, examples, split)  # images [N, D]
    if not pairs:
        return None
    texts = [(caption, row) for row, pair in enumerate(pairs) for caption in pair.captions][:MAX_CAPTIONS]
    captions = encoder.encode_text([caption for caption, _ in texts])  # [M, D]
    owners = np.array([row for _, row in texts], np.int64)  # [M]

    asking = evenly(len(pairs), -(-CAPTION_QUESTIONS // share))
    asked = [pairs[row].captions[place % len(pairs[row].captions)] for place, row in enumerate(asking)]
    labels = sorted({pair.label for pair in pairs if pair.label})
    labels = [labels[place] for place in evenly(len(labels), -(-LABEL_QUESTIONS // share))]
    by_caption = _rank(encoder.encode_text(asked), images, IMAGE_ANSWERS)
    asked_as = [texts_of(label) for label in labels]
    by_label = _rank([_embed_class(encoder, texts) for texts in asked_as], images, IMAGE_ANSWERS)
    looking = [int(owners[place]) for place in evenly(len(texts), -(-IMAGE_QUESTIONS // share))]
    by_image = _rank(images[looking], captions, CAPTION_ANSWERS)

    shown = {row for ranking in (*by_caption, *by_label) for row in ranking.best} | set(looking)
    thumbnails = _thumbnails(examples, split, shown)

    def with_images(text: str, ranking: _Ranking, right: set[int], asked_as: tuple[str, ...] = ()) -> Question:
        answers = (
            Answer(ranking.scores[row], row in right, pairs[row].captions[0], thumbnails[row]) for row in ranking.best
        )
        return Question(text, tuple(answers), ranking.place_of(right), asked_as=asked_as)

    def with_captions(row: int, ranking: _Ranking) -> Question:
        right = set(np.flatnonzero(owners == row).tolist())
        answers = (Answer(ranking.scores[text], text in right, texts[text][0]) for text in ranking.best)
        return Question(pairs[row].captions[0], tuple(answers), ranking.place_of(right), thumbnails[row])

    return SplitAnswers(
        split,
        images=len(pairs),
        captions=len(texts),
        by_caption=tuple(
            with_images(text, ranking, {row for row, pair in enumerate(pairs) if text in pair.captions})
            for text, ranking in zip(asked, by_caption, strict=True)
        ),
        by_label=tuple(
            with_images(label, ranking, {row for row, pair in enumerate(pairs) if pair.label == label}, texts)
            for label, ranking, texts in zip(labels, by_label, asked_as, strict=True)
        ),
        by_image=tuple(with_captions(row, ranking) for row, ranking in zip(looking, by_image, strict=True)),
    )


@dataclass(frozen=True)
class _Ranking:
    """How one question ranks all candidates.

    Attributes:
      scores: of every candidate.
      order: all candidates, best first.
      best: the first few of them.
    """

    scores: list[float]
    order: list[int]
    best: list[int]

    def place_of(self, right: set[int]) -> int:
        """Returns the place of the best right candidate, from 1."""
        return next(place for place, row in enumerate(self.order, start=1) if row in right)


def _rank(questions: Iterable[np.ndarray], candidates: np.ndarray, wanted: int) -> list[_Ranking]:
    """Returns how each question, [D], ranks the candidates, [N, D]."""
    rankings = []
    for question in questions:
        scores = candidates @ question  # [N, D] x [D]
        order = np.argsort(-scores, kind="stable").tolist()
        rankings.append(_Ranking(scores.tolist(), order, order[:wanted]))
    return rankings


def _embed_class(encoder: Encoder, texts: Sequence[str]) -> np.ndarray:
    """Returns [D]: the mean of the texts' unit vectors, normalised, as the signature `evaluate` embeds a class."""
    mean = encoder.encode_text(texts).mean(axis=0)  # [T, D] -> [D]
    return mean / np.linalg.norm(mean)


def _embed_images(encoder: Encoder, examples: Path, split: str) -> tuple[list[_Pair], np.ndarray]:
    """Returns the first MAX_IMAGES pairs of a split and their images' embeddings, [N, D]."""
    pairs: list[_Pair] = []
    vectors = [np.zeros((0, 0), np.float32)]
    images = _captioned(examples, split)
    while batch := list(islice(images, IMAGES_AT_ONCE)):
        pairs += [_Pair(image.captions, image.label) for image in batch]
        vectors.append(encoder.encode_image([image.encoded for image in batch]))
    return pairs, np.concatenate(vectors[1:] or vectors)


def _thumbnails(examples: Path, split: str, rows: set[int]) -> dict[int, bytes | None]:
    """Returns row -> thumbnail, in a second pass over the files, so that no split is ever held whole."""
    images = enumerate(_captioned(examples, split))
    return {row: make_thumbnail(image.encoded) for row, image in images if row in rows}


def _captioned(examples: Path, split: str) -> Iterator[CorpusImage]:
    """Yields the first MAX_IMAGES images that have a caption: one without has nothing to be asked or answered."""
    return islice((image for image in read_split(examples, split) if image.captions), MAX_IMAGES)
