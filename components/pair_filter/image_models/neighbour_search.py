"""Compares training images with evaluation images by a model's embeddings: the rule of `neighbours` as Beam runs it.

The embeddings of the evaluation images, and of a bounded sample of the training images for k-means, come together on
one worker, which writes them as an index. Each worker then loads the index and compares each training image where it
was embedded: no other training embedding leaves its worker or is kept.
"""

from __future__ import annotations

import io
import posixpath
import uuid
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
from apache_beam.utils.shared import Shared

from components.beam import whole_files
from components.pair_filter.config import FilterConfig
from components.pair_filter.copies.neighbours import Clusters, NeighbourIndex
from components.pair_filter.image_models.handlers import Answers, EmbedHandler, check_embedder
from components.pair_filter.image_models.scoring import PassesBySize, ReadBatches, Wanted, ask, every_image
from components.pair_filter.model_config import NeighbourConfig

_INDEX_FILE = "neighbours"
_SEED = 0


class FindNeighbours(beam.PTransform):
    """{"train": (file, task), "evaluation": (file, task)} -> (file, {row: (name of the evaluation record, cosine)}).

    Only files of "train" with a near-duplicate come out, each once. Of training images those are compared that the
    rules on size keep, of evaluation images all; what Pillow does not decode is next to nothing. The transform loads
    the model once as it is applied, so that what is wrong with it is said before the job starts.

    The sample of training images that k-means also sees is the first so many of each file: no file is read to its end
    for it.

    Raises:
      ValueError: in one sentence, where the model is missing or does not take such images.
      RuntimeError: in the job, where the model fails on a batch, in one sentence that names the batch's first record.
    """

    def __init__(self, config: NeighbourConfig, rules: FilterConfig, aside: str) -> None:
        """Set up the search.

        Args:
          config: the model and the rule's numbers.
          rules: whose rules on size count.
          aside: folder for the index, which every worker reaches.
        """
        super().__init__()
        self._config, self._rules, self._aside = config, rules, aside

    def expand(self, files: dict[str, beam.PCollection]) -> beam.PCollection:
        config, wanted = self._config, PassesBySize(self._rules)
        check_embedder(config.model)
        of_file = (
            files["train"]
            | "CountFiles" >> beam.combiners.Count.Globally()
            | "SampleOfFile" >> beam.Map(lambda number: -(-config.sample // max(1, number)))
        )
        evaluation = files["evaluation"] | "EmbedEvaluation" >> EmbedImages(config, every_image)
        sample = files["train"] | "EmbedSample" >> EmbedImages(config, wanted, beam.pvalue.AsSingleton(of_file))
        index = (
            files["train"].pipeline
            | "Once" >> beam.Create([None])
            | "BuildIndex"
            >> beam.ParDo(BuildIndex(config, self._aside), beam.pvalue.AsIter(evaluation), beam.pvalue.AsIter(sample))
        )
        return (
            files["train"]
            | "EmbedTrain" >> EmbedImages(config, wanted)
            | "Compare" >> beam.ParDo(Compare(config), beam.pvalue.AsSingleton(index))
            | "Matches" >> beam.CombinePerKey(_joined)
        )


class EmbedImages(beam.PTransform):
    """(file, task) -> (file, Answers) of unit vectors, one element a batch."""

    def __init__(self, config: NeighbourConfig, wanted: Wanted, first: beam.pvalue.AsSingleton | None = None) -> None:
        """Set up what is embedded.

        Args:
          config: the model.
          wanted: whether a record's image is embedded.
          first: number, as a side input, of the wanted images that are taken of a file; None for all.
        """
        super().__init__()
        self._model, self._wanted, self._first = config.model, wanted, first

    def expand(self, files: beam.PCollection) -> beam.PCollection:
        read = ReadBatches(self._model, self._wanted)
        return (
            files
            | "ReadToEmbed" >> (beam.ParDo(read, self._first) if self._first else beam.ParDo(read))
            | "Embed" >> ask(EmbedHandler(self._model))
        )


class BuildIndex(beam.DoFn):
    """Learns the clusters, writes the index aside and yields its path, or "" where there is no evaluation image."""

    def __init__(self, config: NeighbourConfig, aside: str) -> None:
        self._config, self._aside = config, aside

    def process(
        self, _: None, evaluation: Iterable[tuple[int, Answers]], sample: Iterable[tuple[int, Answers]]
    ) -> Iterator[str]:
        names, embeddings = _in_order(evaluation)
        if not names:
            yield ""
            return
        sampled = _thinned(
            np.concatenate([embeddings, _in_order(sample)[1].reshape(-1, embeddings.shape[1])]), self._config.sample
        )
        clusters = Clusters.learn(sampled, self._config.clusters, self._config.nearest)
        # Named anew at each attempt: a worker keeps what it loaded under this path.
        path = posixpath.join(self._aside, f"{_INDEX_FILE}-{uuid.uuid4().hex}.npz")
        content = io.BytesIO()
        np.savez(
            content,
            names=np.frombuffer("\n".join(names).encode(), np.uint8),
            embeddings=embeddings,
            centres=clusters.centres,
        )
        whole_files.write_bytes(path, content.getvalue())
        yield path


class Compare(beam.DoFn):
    """(file, answers), the path of the index -> (file, matches) where a batch has some."""

    def __init__(self, config: NeighbourConfig) -> None:
        self._config = config
        self._loaded = Shared()

    def process(self, element: tuple[int, Answers], path: str) -> Iterator[tuple[int, dict[int, tuple[str, float]]]]:
        if not path:
            return
        file, answers = element
        index = self._loaded.acquire(lambda: load_index(path, self._config), tag=path)
        positions, cosines = index.nearest(answers.values)
        found = {
            int(answers.rows[place]): (index.names[positions[place]], float(cosines[place]))
            for place in np.flatnonzero(positions >= 0)
        }
        if found:
            yield file, found


def load_index(path: str, config: NeighbourConfig) -> NeighbourIndex:
    """Read the index that BuildIndex wrote."""
    with np.load(io.BytesIO(whole_files.read_bytes(path))) as arrays:
        clusters = Clusters(arrays["centres"], config.nearest)
        names = arrays["names"].tobytes().decode().split("\n")
        return NeighbourIndex.build(clusters, names, arrays["embeddings"], config.shared, config.min_cosine)


def _in_order(embedded: Iterable[tuple[int, Answers]]) -> tuple[list[str], np.ndarray]:
    """Returns names and [N, D] embeddings by file and record, whatever the order in which they came."""
    batches = sorted(embedded, key=lambda each: (each[0], each[1].rows[0]))
    names = [name for _, answers in batches for name in answers.names]
    return names, np.concatenate([answers.values for _, answers in batches] or [np.zeros((0, 0), np.float32)])


def _thinned(embeddings: np.ndarray, most: int) -> np.ndarray:
    """Returns at most so many rows, drawn alike each time."""
    if len(embeddings) <= most:
        return embeddings
    return embeddings[np.sort(np.random.default_rng(_SEED).permutation(len(embeddings))[:most])]


def _joined(parts: Iterable[dict[int, tuple[str, float]]]) -> dict[int, tuple[str, float]]:
    return {row: match for part in parts for row, match in part.items()}
