"""Asks a model about the images of files of Examples, in batches, through Beam's RunInference.

The images of a batch go no further than the worker that read them: what travels between workers is a number an image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.ml.inference.base import KeyedModelHandler, ModelHandler, RunInference

from components import schema
from components.files import example_files
from components.files.tf_example import Example
from components.pair_filter.config import FilterConfig
from components.pair_filter.image_models.handlers import Answers, ImageBatch, ScoreHandler, check_scorer
from components.pair_filter.judging.features import bytes_of, image_size
from components.pair_filter.judging.model_input import decode_square
from components.pair_filter.judging.rules import passes_by_size
from components.pair_filter.model_config import ImageModelConfig, UnsafeConfig
from components.pair_filter.tasks import FileTask

Wanted = Callable[[Mapping[str, Any]], bool]  # says of an Example's features whether the model is asked about its image
_LENGTHS = "lengths"


def every_image(_: Mapping[str, Any]) -> bool:
    """Have the model asked about all images."""
    return True


class PassesBySize:
    """Has the model asked about images that the rules on size keep, as the others are dropped without it."""

    def __init__(self, rules: FilterConfig) -> None:
        self._rules = rules

    def __call__(self, features: Mapping[str, Any]) -> bool:
        return passes_by_size(image_size(features), self._rules)


class ReadBatches(beam.DoFn):
    """(file, task) -> [(file, batch)], each a list of one, as RunInference takes what is batched already.

    An image that does not decode is in no batch. The number of the file's records goes to the output "lengths".
    """

    def __init__(self, model: ImageModelConfig, wanted: Wanted) -> None:
        self._model, self._wanted = model, wanted

    def process(self, element: tuple[int, FileTask], first: int | None = None) -> Iterator[Any]:
        """Read a file as far as the `first` images that are wanted, or whole."""
        file, task = element
        self._records = 0
        images = islice(self._images(task), first)
        while batch := list(islice(images, self._model.batch)):
            rows, names, pixels = zip(*batch, strict=True)
            yield [(file, ImageBatch(np.array(rows, np.int64), names, np.stack(pixels)))]
        yield beam.pvalue.TaggedOutput(_LENGTHS, (file, self._records))

    def _images(self, task: FileTask) -> Iterator[tuple[int, str, np.ndarray]]:
        for row, payload in enumerate(example_files.read_payloads(task.source)):
            self._records = row + 1
            features = Example.FromString(payload).features.feature
            if not self._wanted(features):
                continue
            pixels = decode_square(bytes_of(features, schema.IMAGE_ENCODED), self._model.image_px)
            if pixels is not None:
                yield row, bytes_of(features, schema.RECORD_NAME).decode("utf-8", "replace"), pixels


def ask(handler: ModelHandler[ImageBatch, Answers, Any]) -> RunInference:
    """Returns the transform [(file, batch)] -> (file, answers), whose batches are as they come."""
    return RunInference(KeyedModelHandler(handler).with_no_batching())


class ScoreImages(beam.PTransform):
    """(file, task) -> (file, [records of the file] float32 scores), NaN where no score was asked for or could be.

    Not asked for: images that the rules on size drop. Could not be: images that Pillow does not decode, which no scorer
    has seen and which are therefore kept.

    The transform loads the model once as it is applied, so that what is wrong with it is said before the job starts.

    Raises:
      ValueError: in one sentence, where the model is missing or does not take such images.
      RuntimeError: in the job, where the model fails on a batch, in one sentence that names the batch's first record.
    """

    def __init__(self, config: UnsafeConfig, rules: FilterConfig) -> None:
        super().__init__()
        self._model, self._rules = config.model, rules

    def expand(self, files: beam.PCollection) -> beam.PCollection:
        check_scorer(self._model)
        read = files | "ReadToScore" >> beam.ParDo(ReadBatches(self._model, PassesBySize(self._rules))).with_outputs(
            _LENGTHS, main="batches"
        )
        scores = (
            read.batches
            | "Score" >> ask(ScoreHandler(self._model))
            | "WithoutNames" >> beam.MapTuple(lambda file, answers: (file, (answers.rows, answers.values)))
        )
        return (
            {"lengths": read[_LENGTHS], "scores": scores}
            | "ScoresOfFile" >> beam.CoGroupByKey()
            | "Column" >> beam.MapTuple(_column)
        )


def _column(file: int, joined: dict[str, Any]) -> tuple[int, np.ndarray]:
    (length,) = joined["lengths"]
    column = np.full(length, np.nan, np.float32)
    for rows, values in joined["scores"]:
        column[rows] = values
    return file, column
