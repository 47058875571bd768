"""From a question to an answer: encodes the terms, and ranks the images of a snapshot of the store.

Legend: T terms, D embedding dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from serving.encoders.encoder import EncodeError, Encoder
from serving.pictures import PictureError, View
from serving.search.duplicates import telling_cosine
from serving.search.questions import Answer, Question, Unavailable, UnknownImage
from serving.search.ranking import Ranking
from serving.search.snapshots import Snapshots, page_token, read_page_token
from serving.search.stores.segments.manifest import DamagedSegment
from serving.search.stores.store import Snapshot, Store, check_model
from serving.search.terms import Composed, Term, compose

LARGEST_PX = 64_000_000  # of a picture in a question, by its header
Value = TypeVar("Value")


class Searcher:
    """One model and the store of its embeddings; threads may share it.

    Attributes:
      name, version: what the model is called.
      store: what is searched.

    Examples:
      >>> searcher = Searcher(open_encoder("output/align-demo"), open_store(Path("index")))  # doctest: +SKIP
      >>> searcher.ask(Question((Term(text="sad cat"),), k=1)).hits[0].id  # doctest: +SKIP
      '5a0c...'
    """

    def __init__(self, encoder: Encoder, store: Store, *, name: str = "align", version: str = "1") -> None:
        """Join a model and a store.

        Raises:
          ValueError: when the store holds embeddings of another model.
          EncodeError: when the model cannot be asked.
        """
        self.name, self.version, self.store = name, version, store
        self._encoder, self._snapshots = encoder, Snapshots(store.snapshot, store.most_snapshots)
        self._values: dict[tuple[str, str, int], list[str]] = {}  # of the newest state
        check_model(store, encoder.fingerprint, encoder.encode_text([name]).shape[1])
        self._model = store.fingerprint, store.dimension
        self._near = telling_cosine(store, store.dimension)

    @property
    def fingerprint(self) -> str:
        """Of the model."""
        return self.store.fingerprint

    def ask(self, question: Question, page: str | None = None) -> Answer:
        """Answer a question.

        Args:
          question: what is asked.
          page: `Answer.next` of the same question, for the page behind; of the index as it was for the first page,
            whatever was added or deleted since.

        Raises:
          ValueError: for a question that has no answer; UnknownImage names an image that is not there.
          Unavailable: when the model or the store fails.
        """
        if page is None:
            (name, snapshot), start = self._newest(), 0
        else:
            name, start = read_page_token(page, question)
            snapshot = self._snapshots.named(name)
        ranking = self._snapshots.ranking(name, question, lambda: self._rank(question, snapshot))
        try:
            hits, more = asking_store(lambda: ranking.page(start, question.k))
        except KeyError as error:  # of a store whose snapshots lose what is deleted
            raise Unavailable(f"{error.args[0]}: it was deleted while it was searched; search again") from error
        following = page_token(name, question, start + len(hits)) if more else None
        return Answer(hits, ranking.count, name, following)

    def count(self) -> int:
        """Returns how many images the index has now; raises Unavailable."""
        snapshot = self._newest()[1]
        return asking_store(snapshot.count)

    def values(self, field: str, most: int) -> list[str]:
        """Returns the values of a field in the index as it is now, `most` of them at most; raises Unavailable."""
        name, snapshot = self._newest()
        if (name, field, most) not in self._values:
            found = asking_store(lambda: snapshot.values(field, most))
            kept = {key: held for key, held in self._values.items() if key[0] == name}
            self._values = {**kept, (name, field, most): found}
        return self._values[name, field, most]

    def _newest(self) -> tuple[str, Snapshot]:
        try:
            newest = asking_store(self._snapshots.newest)
        except ValueError as error:  # of a store that was damaged since it was opened
            raise Unavailable(str(error)) from error
        if (self.store.fingerprint, self.store.dimension) != self._model:
            raise Unavailable("in the place of the index stands one of another model by now; start the search anew")
        return newest

    def _rank(self, question: Question, snapshot: Snapshot) -> Ranking:
        composed = self._compose(question.terms, snapshot)
        return asking_store(lambda: Ranking(question, composed, snapshot, self._near))

    def _compose(self, terms: Sequence[Term], snapshot: Snapshot) -> Composed:
        """Returns the query of terms; texts are encoded together, and images."""
        vectors: dict[int, np.ndarray] = {}
        texts = {number: term.text.strip() for number, term in enumerate(terms) if term.text is not None}
        images = {number: term.image for number, term in enumerate(terms) if term.image is not None}
        for number, term in enumerate(terms):
            if term.embedding is not None:
                vectors[number] = self._embedding(term.embedding)
            elif term.id is not None:
                vectors[number] = _of_image(snapshot, term.id)
        for image in images.values():
            check_picture(image)
        try:
            if texts:
                vectors |= zip(texts, self._encoder.encode_text(list(texts.values())), strict=True)
            if images:
                vectors |= zip(images, self._encoder.encode_image(list(images.values())), strict=True)
        except EncodeError as error:
            raise Unavailable(f"the model cannot answer: {error}") from error
        return compose([vectors[number] for number in range(len(terms))], [term.factor for term in terms])

    def _embedding(self, given: Sequence[float]) -> np.ndarray:
        with np.errstate(over="ignore"):  # infinity is refused with the other vectors that have no direction
            vector = np.asarray(given, np.float32)
        if vector.shape != (self.store.dimension,):
            raise ValueError(f"an embedding has shape {list(vector.shape)}; this index takes [{self.store.dimension}]")
        return vector


def asking_store(ask: Callable[[], Value]) -> Value:
    """Returns what a store answers; raises Unavailable where it fails."""
    try:
        return ask()
    except (OSError, DamagedSegment) as error:
        raise Unavailable(f"the index cannot be read: {error}") from error


def check_picture(encoded: bytes) -> None:
    """Refuse what is no picture, and by its header one of more than LARGEST_PX pixels; raises ValueError."""
    try:
        View(encoded, LARGEST_PX).pixels()
    except PictureError as error:
        raise ValueError(f"the picture of the query cannot be read ({error}); give a JPEG, PNG, WebP or GIF") from error


def _of_image(snapshot: Snapshot, name: str) -> np.ndarray:
    try:
        return asking_store(lambda: snapshot.vectors([name]))[0]
    except KeyError as error:
        raise UnknownImage(f"the index has no image {name!r}; it may have been deleted since") from error
