"""The Beam job that embeds images: a part of a source in, an embedding shard out.

Nothing is shuffled but the parts' names, and the texts of `ingest.metadata` where it is set. A part is read, embedded
and written by one worker, which has loaded the model once, so that a job that is killed leaves the shards that were
written, and the next one embeds the others alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference

from components.counts import IMAGES, Counts
from components.pair_example_gen.judging.reasons import IMAGE_NOT_DECODABLE
from serving.encoders.encoder import BATCH, EncodeError, Encoder
from serving.encoders.opening import open_encoder
from serving.search.shards.files import write_shard
from serving.search.shards.schema import METADATA, vector_column
from tfx_pipeline.embedding.halving import encode_readable
from tfx_pipeline.indexing.entries import Entry
from tfx_pipeline.indexing.passes.joining import joining
from tfx_pipeline.indexing.sources import Skipped, Task
from tfx_pipeline.indexing.vectors import VectorsPart

COUNTS = "counts"  # among a shard's notes: Counts of its records
ANY_SPLIT = "all"  # under which they are counted


@dataclass(frozen=True)
class Conversion:
    """One part of a file of vectors and the shard that it becomes."""

    part: VectorsPart
    shard: str


@dataclass(frozen=True)
class Embedded:
    """The rows of a shard to be written."""

    shard: str
    rows: pa.Table
    dimension: int
    counts: dict


@functools.cache
def loaded(model: str) -> Encoder:
    """Returns the encoder that a word names, once a process."""
    return open_encoder(model)


class Embedder:
    """A model that was made sure of, and its D."""

    def __init__(self, model: str, fingerprint: str) -> None:
        self.encoder = loaded(model)
        if self.encoder.fingerprint != fingerprint:
            raise EncodeError(
                f"{model} is another model on this worker than where the job was started "
                f"({self.encoder.fingerprint[:16]} and {fingerprint[:16]}); give all workers the same files"
            )
        self.dimension = self.encoder.encode_text(["a picture"]).shape[1]

    def embed(self, task: Task) -> Embedded:
        """Read and embed a part. Raises EncodeError where the model fails on more than single pictures."""
        counts, rows, vectors = Counts(), [], []
        now = datetime.now(timezone.utc)
        for some in _read_ahead(task.part.entries()):
            counts.read[ANY_SPLIT, IMAGES] += len(some)
            entries = [one for one in some if isinstance(one, Entry)]
            for one in some:
                if isinstance(one, Skipped):
                    counts.drop(ANY_SPLIT, IMAGES, one.reason, one.name, one.detail)
            encoded, broken = encode_readable(self.encoder, {at: entry.image for at, entry in enumerate(entries)})
            for at, entry in enumerate(entries):
                if at in encoded:
                    rows.append({**entry.row, "ingested": now})
                    vectors.append(encoded[at].astype(np.float16))
                else:
                    counts.drop(ANY_SPLIT, IMAGES, IMAGE_NOT_DECODABLE, entry.name, broken[at])
        self.encoder.confirm()
        counts.kept[ANY_SPLIT, IMAGES] += len(rows)
        table = pa.Table.from_pylist(rows, METADATA)
        stacked = np.array(vectors, np.float16).reshape(-1, self.dimension)
        return Embedded(
            task.shard, table.append_column("vector", vector_column(stacked)), self.dimension, counts.to_json()
        )


def _read_ahead(entries: Iterator[Entry | Skipped]) -> Iterator[list[Entry | Skipped]]:
    """Yield entries by the batch; the next batch is read while this one is made use of."""
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(lambda: list(islice(entries, BATCH)))
        while some := ahead.result():
            ahead = reader.submit(lambda: list(islice(entries, BATCH)))
            yield some


class EmbedHandler(ModelHandler[Task, Embedded, Embedder]):
    """Embeds whole parts, as RunInference asks it to."""

    def __init__(self, model: str, fingerprint: str) -> None:
        super().__init__()
        self._model, self._fingerprint = model, fingerprint

    def load_model(self) -> Embedder:
        return Embedder(self._model, self._fingerprint)

    def run_inference(
        self, batch: Sequence[Task], model: Embedder, inference_args: dict[str, Any] | None = None
    ) -> Iterator[Embedded]:
        return map(model.embed, batch)


def run_embedding(
    make_pipeline: Callable[[], beam.Pipeline], tasks: Sequence[Task], *, model: str, fingerprint: str
) -> None:
    """Write the shard of each task.

    Args:
      make_pipeline: makes the pipeline in which the job runs.
      tasks: what to embed.
      model: as `serving.encoders.opening` reads it; each worker opens it.
      fingerprint: which each of them must find it to have.

    Raises:
      Exception: Beam's, round the EncodeError of a model that is another one or fails.
    """
    handler = EmbedHandler(model, fingerprint)
    join = joining(task.part for task in tasks)
    with make_pipeline() as pipeline:
        spread = pipeline | "Parts" >> beam.Create(tasks) | "Spread" >> beam.Reshuffle()
        _ = (
            (spread | "Join" >> join if join else spread)
            | "Alone" >> beam.Map(lambda task: [(task.shard, task)])
            | "Embed" >> RunInference(KeyedModelHandler(handler).with_no_batching())
            | "Write" >> beam.MapTuple(lambda _, embedded: _write(embedded, fingerprint))
        )


def run_converting(
    make_pipeline: Callable[[], beam.Pipeline], tasks: Sequence[Conversion], *, fingerprint: str, dimension: int
) -> None:
    """Write the shard of each task, whose vectors are there already; no model is asked."""

    def converted(task: Conversion) -> Embedded:
        rows, counts = task.part.rows(dimension, ANY_SPLIT)
        return Embedded(task.shard, rows, dimension, counts.to_json())

    with make_pipeline() as pipeline:
        _ = (
            pipeline
            | "Files" >> beam.Create(tasks)
            | "Spread" >> beam.Reshuffle()
            | "Convert" >> beam.Map(converted)
            | "Write" >> beam.Map(lambda embedded: _write(embedded, fingerprint))
        )


def _write(embedded: Embedded, fingerprint: str) -> None:
    write_shard(
        Path(embedded.shard),
        embedded.rows,
        fingerprint=fingerprint,
        dimension=embedded.dimension,
        notes={COUNTS: embedded.counts},
    )


def pipeline_of(arguments: Sequence[str]) -> beam.Pipeline:
    """Returns a pipeline of Beam's arguments."""
    return beam.Pipeline(argv=list(arguments))
