"""Embeds a data set's images and texts, chunk by chunk, and keeps each chunk: what was embedded once is read again.

A chunk is kept under the model's fingerprint, the code that brings images into normal form, and the content of its
inputs, so a changed image is embedded anew. It is written aside and then renamed: a process that was killed leaves
whole chunks alone, and the next one goes on from them. Nothing is kept, or given out, before the model has been asked
whether it still is the one of the fingerprint: a server may be restarted with other weights at any time.

Legend: N inputs, D embedding dimension, n inputs of a chunk.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.evaluator.datasets.kinds import Picture, PictureMissing
from serving.encoders.encoder import EncodeError, Encoder, settling
from tfx_pipeline.embedding.halving import encode_readable
from tfx_pipeline.files import write_file
from tfx_pipeline.settings.config import ConfigError

INPUTS_PER_CHUNK = 128  # bounds the bytes of images held at once, and what a kill loses beside what is not confirmed
CONFIRM_SHARE = 1 / 20  # of the time, that asking the model who it is may take
LENGTH_TOLERANCE = 1e-2  # of a kept vector: a disk that lost power may hold zeros
MISSING = "the image cannot be read"
BROKEN = "the model cannot read the image"


class Skipped(NamedTuple):
    """Why an input has no vector: the reason by which it is counted, and what was said of it."""

    reason: str
    words: str


@dataclass(frozen=True)
class Embedded:
    """The vectors of a table of images or texts.

    Attributes:
      vectors: [N, D] float32, unit rows; zeros where there is none.
      skipped: index of an input without a vector -> why.
      digest: of the inputs' content and order.
    """

    vectors: NDArray[np.float32]
    skipped: dict[int, Skipped]
    digest: str

    @property
    def good(self) -> NDArray[np.bool_]:
        """[N] whether there is a vector."""
        good = np.ones(len(self.vectors), bool)
        good[list(self.skipped)] = False
        return good


class Embeddings:
    """What one model makes of images and texts, kept in a folder.

    Args:
      encoder: the model; one that checks what it gives, as `open_encoder` and `encoder_of` return them.
      folder: of all models' embeddings.
      done: told how many inputs have just been embedded or found.

    Raises:
      ConfigError: while embedding, for a model that cannot be asked or a folder that cannot be written.
    """

    def __init__(self, encoder: Encoder, folder: Path, done: Callable[[int], None] = lambda inputs: None) -> None:
        self._encoder = encoder
        self._folder = folder
        self._done = done
        self._unsure = 0  # chunks that the model gave since it was asked who it is
        self._to_keep: dict[Path, NDArray[np.float32]] = {}  # of these
        self._next_s = -math.inf  # when it is asked again

    def of_images(self, pictures: Sequence[Picture]) -> Embedded:
        """Embed images; one that is missing or that the model cannot decode has no vector and a reason."""
        return self._embed("image", pictures)

    def of_texts(self, texts: Sequence[str]) -> Embedded:
        """Embed texts."""
        return self._embed("text", [functools.partial(text.encode, "utf-8", "replace") for text in texts])

    def temperature(self) -> float | None:
        """Returns what the model says that it divides cosines by; kept beside its embeddings, as asking may load it."""
        path = self._folder / self._model() / "temperature.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            pass
        with refusals_told():
            told = self._encoder.temperature
            self._encoder.confirm()
        write_file(path, json.dumps(told).encode(), str(path))
        return told

    def _model(self) -> str:
        """Returns the folder's name of what this model gives."""
        with refusals_told():
            made_by = f"{self._encoder.fingerprint}\0{settling()}"
        return hashlib.blake2b(made_by.encode(), digest_size=16).hexdigest()

    def _embed(self, modality: Literal["image", "text"], readers: Sequence[Callable[[], bytes]]) -> Embedded:
        digest = hashlib.blake2b(modality.encode(), digest_size=16)
        parts: list[NDArray[np.float32]] = []
        skipped: dict[int, Skipped] = {}
        start = 0
        for chunk in _read_ahead(readers):
            digest.update(chunk.digest.encode())
            vectors, broken = self._of_chunk(modality, chunk)
            parts.append(vectors)
            skipped |= {start + place: why for place, why in {**chunk.missing, **broken}.items()}
            start += chunk.size
            if time.monotonic() >= self._next_s:
                self._confirm()
            self._done(chunk.size)
        self._confirm()
        width = max((part.shape[1] for part in parts), default=0)  # 0 in a chunk without any vector
        whole = [part if part.shape[1] else np.zeros((len(part), width), np.float32) for part in parts]
        return Embedded(np.concatenate([np.zeros((0, width), np.float32), *whole]), skipped, digest.hexdigest())

    def _of_chunk(self, modality: str, chunk: _Chunk) -> tuple[NDArray[np.float32], dict[int, Skipped]]:
        """Returns [n, D] with zeros where there is no vector, and why the model gives none.

        A chunk in which the model refused an input is not kept: a server may have had a bad minute.
        """
        with refusals_told():
            kept = self._folder / self._model() / modality / f"{chunk.digest}.npy"
            found = self._to_keep.get(kept, _read_kept(kept, chunk))
            if found is not None:
                return found, {}
            encoded, broken = self._encode(modality, chunk.contents)
        width = len(next(iter(encoded.values()))) if encoded else 0
        vectors = np.zeros((chunk.size, width), np.float32)
        for place, vector in encoded.items():
            vectors[place] = vector
        self._unsure += 1
        if not broken:
            self._to_keep[kept] = vectors
        return vectors, broken

    def _confirm(self) -> None:
        """Make sure that all vectors are of one model, and keep those that it gave since the last time."""
        if not self._unsure:
            return
        began = time.monotonic()
        with refusals_told():
            self._encoder.confirm()
        now = time.monotonic()
        self._next_s = now + (now - began) / CONFIRM_SHARE
        for path, vectors in self._to_keep.items():
            _keep(path, vectors)
        self._to_keep.clear()
        self._unsure = 0

    def _encode(
        self, modality: str, contents: dict[int, bytes]
    ) -> tuple[dict[int, NDArray[np.float32]], dict[int, Skipped]]:
        """Returns place -> vector, and place -> why there is none."""
        if modality == "image":
            vectors, broken = encode_readable(self._encoder, contents)
            return vectors, {place: Skipped(BROKEN, words) for place, words in broken.items()}
        if not contents:
            return {}, {}
        texts = [content.decode() for content in contents.values()]
        return dict(zip(contents, self._encoder.encode_text(texts), strict=True)), {}


@dataclass(frozen=True)
class _Chunk:
    """Some inputs as read, by their place in the chunk, and those that could not be."""

    contents: dict[int, bytes]
    missing: dict[int, Skipped]

    @property
    def size(self) -> int:
        return len(self.contents) + len(self.missing)

    @property
    def digest(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for place in range(self.size):
            content = self.contents.get(place)
            digest.update(b"-" if content is None else hashlib.blake2b(content, digest_size=16).digest())
        return digest.hexdigest()


@contextlib.contextmanager
def refusals_told() -> Iterator[None]:
    """Raise what a model refuses as a ConfigError, in one line."""
    try:
        yield
    except EncodeError as error:
        raise ConfigError(" ".join(str(error).split())) from error


def _read_ahead(readers: Sequence[Callable[[], bytes]]) -> Iterator[_Chunk]:
    """Yields all inputs in chunks; the next chunk is read while this one is made use of."""
    starts = range(0, len(readers), INPUTS_PER_CHUNK)
    with ThreadPoolExecutor(1) as pool:
        ahead = [pool.submit(_read, readers[start : start + INPUTS_PER_CHUNK]) for start in starts[:1]]
        for start in starts:
            chunk = ahead.pop().result()
            following = readers[start + INPUTS_PER_CHUNK : start + 2 * INPUTS_PER_CHUNK]
            if following:
                ahead.append(pool.submit(_read, following))
            yield chunk


def _read(readers: Sequence[Callable[[], bytes]]) -> _Chunk:
    contents, missing = {}, {}
    for place, read in enumerate(readers):
        try:
            contents[place] = read()
        except PictureMissing as error:
            missing[place] = Skipped(MISSING, " ".join(str(error).split()))
    return _Chunk(contents, missing)


def _read_kept(path: Path, chunk: _Chunk) -> NDArray[np.float32] | None:
    """Returns a kept chunk; None where there is none, or one that is damaged."""
    try:
        vectors = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if vectors.ndim != 2 or len(vectors) != chunk.size or vectors.dtype != np.float32:
        return None
    lengths = np.linalg.norm(vectors[list(chunk.contents)], axis=1)
    return vectors if np.all(np.abs(lengths - 1) <= LENGTH_TOLERANCE) else None


def _keep(path: Path, vectors: NDArray[np.float32]) -> None:
    aside = path.with_name(f".{path.stem}.{os.getpid()}.npy")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(aside, vectors)
        aside.replace(path)
    except OSError as error:
        raise ConfigError(
            f"the embeddings cannot be kept in {path.parent} ({error.strerror}); make room there or name another "
            "folder with --embeddings"
        ) from error
