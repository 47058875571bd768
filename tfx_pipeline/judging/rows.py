"""What is asked of a data set once it is embedded, by its kind: a row for each task and each language."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import (
    ChoiceSet,
    ClassSet,
    DataSet,
    DataSetError,
    PairSet,
    PositivesSet,
    RatedSet,
    TrainedSet,
)
from components.evaluator.datasets.multi_label import MultiLabelSet
from components.evaluator.metrics.ranking import Ties
from components.evaluator.tasks import keeping
from components.evaluator.tasks.choice import judge_choice
from components.evaluator.tasks.judged import Judged
from components.evaluator.tasks.knn import judge_knn
from components.evaluator.tasks.multi_label import judge_multi_label
from components.evaluator.tasks.probe import judge_probe
from components.evaluator.tasks.retrieval import judge_pairs, judge_positives
from components.evaluator.tasks.similarity import judge_similarity
from components.evaluator.tasks.zero_shot import judge_zero_shot
from tfx_pipeline.judging.embedding import Embedded

RATED_METRICS = ("sts", "sis", "sits", "spearman")


def rows_of(
    entry: Entry,
    dataset: DataSet,
    images: Sequence[Embedded],
    texts: Embedded,
    *,
    temperature: float | None = None,
    ties: Ties = "expected",
) -> Iterator[Judged]:
    """Yields what was judged; images without a vector are left out with all that belongs to them.

    Args:
      entry: of the set.
      dataset: as `entry.load` returned it.
      images: of each of `tables.image_tables`.
      texts: of `tables.texts`.
      temperature: what the model divides similarities by; None tells no calibration.
      ties: how equal similarities are ranked; a probe, a choice and a correlation have rules of their own.

    Raises:
      DataSetError: nothing is left to judge by.
      ValueError: a metric refuses the embeddings.
    """
    good = [part.good for part in images]
    for part, table in zip(good, images, strict=True):
        if len(part) and not part.any():
            raise DataSetError(f"{entry.name}: no image could be embedded; the first: {table.skipped[0].words}")
    blank = Judged(entry.name, "", entry.split, entry.language, {})
    vectors = images[0].vectors
    if isinstance(dataset, PairSet):
        pairs, captions = keeping.keep_images(dataset, good[0])
        yield from _by_language(blank, pairs, vectors[good[0]], texts.vectors[captions], ties)
    elif isinstance(dataset, PositivesSet):
        positives, captions = keeping.keep_positives(dataset, good[0])
        yield judge_positives(blank, positives, vectors[good[0]], texts.vectors[captions], ties=ties)
    elif isinstance(dataset, MultiLabelSet):  # ahead of ClassSet, which it is too
        multi_label = keeping.keep_multi_label(dataset, good[0])
        yield judge_multi_label(blank, multi_label, vectors[good[0]], texts.vectors, ties=ties)
    elif isinstance(dataset, ClassSet):
        classified = keeping.keep_classified(dataset, good[0])
        yield judge_zero_shot(blank, classified, vectors[good[0]], texts.vectors, temperature=temperature, ties=ties)
    elif isinstance(dataset, TrainedSet):
        yield from _trained(blank, dataset, images, texts, set(entry.metrics), temperature, ties)
    elif isinstance(dataset, RatedSet):
        metric = next(name for name in entry.metrics if name in RATED_METRICS)
        yield judge_similarity(blank, keeping.keep_rated(dataset, good[0]), vectors, texts.vectors, metric=metric)
    elif isinstance(dataset, ChoiceSet):
        yield judge_choice(blank, keeping.keep_choices(dataset, good[0]), vectors, texts.vectors)


def _by_language(
    blank: Judged, pairs: PairSet, images: np.ndarray, captions: np.ndarray, ties: Ties
) -> Iterator[Judged]:
    """Yields a row for each language, whose gallery is all images and the captions in it."""
    if pairs.languages is None:
        yield judge_pairs(blank, pairs, images, captions, ties=ties)
        return
    for language in dict.fromkeys(pairs.languages):
        own = np.array([tag == language for tag in pairs.languages])
        row = Judged(blank.dataset, "", blank.split, language, {})
        yield judge_pairs(row, keeping.keep_captions(pairs, own), images, captions[own], ties=ties)


def _trained(
    blank: Judged,
    dataset: TrainedSet,
    images: Sequence[Embedded],
    texts: Embedded,
    metrics: Collection[str],
    temperature: float | None,
    ties: Ties,
) -> Iterator[Judged]:
    """Yields what the entry's metrics ask for; the training part teaches neighbours and the probe alone."""
    parts = [part for part in (dataset.train, dataset.test, dataset.validation) if part is not None]
    kept = [keeping.keep_classified(part, table.good) for part, table in zip(parts, images, strict=True)]
    vectors = [table.vectors[table.good] for table in images]
    trained = TrainedSet(*kept)
    if "top_1" in metrics:
        yield judge_zero_shot(blank, trained.test, vectors[1], texts.vectors, temperature=temperature, ties=ties)
    if "knn_top_1" in metrics:
        yield judge_knn(blank, trained, vectors[0], vectors[1], ties=ties)
    if "probe_top_1" in metrics:
        yield judge_probe(blank, trained, *vectors)
