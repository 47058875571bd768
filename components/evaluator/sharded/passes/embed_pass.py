"""First pass: each file of Examples is shown to the models once, and its embeddings are put aside in shards.

Legend: N images, M captions, C captions of the image that has most in a batch, D embedding dimension.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the ops that the model's tokenizer is made of
from apache_beam import pvalue
from apache_beam.utils.shared import Shared

from components.evaluator.metrics.ranking import Floats
from components.evaluator.metrics.slices import LANGUAGE, SOURCE
from components.evaluator.metrics.unit_rows import check_unit_rows
from components.evaluator.sharded.counting import make_shard
from components.evaluator.sharded.described import describe
from components.evaluator.sharded.passes.shard_files import Shard, path_of, write_shard
from components.evaluator.sharded.sums import Known, facts_of
from components.files import example_files
from serving.signatures import CAPTION_COUNT, CAPTION_EMBEDDING, EVALUATE, EXAMPLES, IMAGE_EMBEDDING, LABEL_EMBEDDING

FACTS = "facts"
EXAMPLES_PER_BATCH = 32
CAPTIONS_PER_SHARD = 16384  # x 640 dimensions hold 42 MB


@dataclass(frozen=True)
class EmbedTask:
    """A file of Examples.

    Attributes:
      index: its number among all files.
      split: that it belongs to.
      source: its path.
    """

    index: int
    split: str
    source: str


class Model:
    """A SavedModel's signature `evaluate`.

    Raises:
      ValueError: the folder holds no SavedModel with that signature.
    """

    def __init__(self, path: str) -> None:
        self._loaded = tf.saved_model.load(path)  # kept, for the signature does not hold its variables
        if EVALUATE not in self._loaded.signatures:
            raise ValueError(
                f"{path} has the signatures {sorted(self._loaded.signatures)} and lacks {EVALUATE!r}, by which a model "
                "is judged; give one that `align run` trained"
            )
        self._evaluate = self._loaded.signatures[EVALUATE]

    def __call__(self, serialized: Sequence[bytes]) -> dict[str, np.ndarray]:
        """Returns the outputs of the signature for serialized Examples."""
        answer = self._evaluate(**{EXAMPLES: tf.constant(list(serialized), tf.string)})
        return {name: values.numpy() for name, values in answer.items()}


class Models:
    """The models of a job, each loaded once in a process."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(paths)
        self._shared = Shared()

    def load(self) -> Sequence[Model]:
        """Returns the models in order."""
        return self._shared.acquire(functools.partial(_load, self._paths), tag=self._paths)


class _Loaded(list):
    """A list that a weak reference can be to, as Beam's Shared asks."""


def _load(paths: Sequence[str]) -> Sequence[Model]:
    return _Loaded(map(Model, paths))


@dataclass
class _Gathered:
    """What becomes a shard: parts of [N, D] and [M, D] by model, and what is known of images and captions."""

    images: dict[int, list[Floats]] = field(default_factory=dict)
    captions: dict[int, list[Floats]] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)


class EmbedFile(beam.DoFn):
    """A task -> its split with each of its shards; under FACTS its split, with what each of them holds."""

    def __init__(
        self, models: Models, folder: str, kinds: Sequence[str], examples_per_batch: int, captions_per_shard: int
    ) -> None:
        """Args: models to show batches of Examples to; folder for the shards; kinds of slices; when a shard is full."""
        self._models, self._folder, self._kinds = models, folder, tuple(kinds)
        self._examples_per_batch, self._captions_per_shard = examples_per_batch, captions_per_shard

    def process(self, task: EmbedTask) -> Iterator[Any]:
        models = self._models.load()
        payloads = example_files.read_payloads(task.source)
        part, gathered = 0, _Gathered()
        while batch := list(itertools.islice(payloads, self._examples_per_batch)):
            self._gather(models, batch, gathered)
            if len(gathered.languages) >= self._captions_per_shard:
                yield from self._write(task, part, gathered)
                part, gathered = part + 1, _Gathered()
        if gathered.counts:
            yield from self._write(task, part, gathered)

    def _gather(self, models: Sequence[Model], batch: Sequence[bytes], gathered: _Gathered) -> None:
        for payload in batch:
            described = describe(payload)
            gathered.counts.append(len(described.languages))
            gathered.languages += described.languages
            gathered.labels.append(described.label)
            if SOURCE in self._kinds:
                gathered.sources.append(described.source)
        for number, model in enumerate(models):
            answer = model(batch)
            captions = answer[CAPTION_EMBEDDING]  # [n, C, D]
            is_caption = np.arange(captions.shape[1]) < answer[CAPTION_COUNT][:, None]  # [n, C]
            gathered.images.setdefault(number, []).append(answer[IMAGE_EMBEDDING])
            gathered.captions.setdefault(number, []).append(captions[is_caption])

    def _write(self, task: EmbedTask, part: int, gathered: _Gathered) -> Iterator[Any]:
        path = path_of(self._folder, task.index, part)
        counts = np.array(gathered.counts, np.int64)
        for name, by_model in (("image_embedding", gathered.images), ("caption_embedding", gathered.captions)):
            for rows in itertools.chain.from_iterable(by_model.values()):
                check_unit_rows(f"{name} of {task.source}", rows[np.isfinite(rows).all(axis=1)])
        languages = gathered.languages if LANGUAGE in self._kinds else None
        made = {
            number: make_shard(np.concatenate(images), np.concatenate(gathered.captions[number]), counts, languages)
            for number, images in gathered.images.items()
        }
        known = Known(gathered.labels, gathered.sources)
        write_shard(path, made, known)
        yield task.split, Shard(path, len(counts))
        yield pvalue.TaggedOutput(FACTS, (task.split, facts_of(*made[0], known, self._kinds)))


class EmbedClasses(beam.DoFn):
    """Serialized Examples that ask for a class each -> (number of a model, (label, [D] embedding))."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def process(self, batch: Mapping[str, bytes]) -> Iterator[tuple[int, tuple[str, Floats]]]:
        """Ask with a batch: label -> its Example."""
        for number, model in enumerate(self._models.load()):
            for label, embedding in zip(batch, model(list(batch.values()))[LABEL_EMBEDDING], strict=True):
                yield number, (label, embedding)
