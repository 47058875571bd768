"""What only the whole corpus can tell of captions and images: files send what they have, buckets return convictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np

from components.pair_filter.config import FilterConfig
from components.pair_filter.counting.evidence import Batch, convict, in_buckets, trim
from components.pair_filter.passes.describe_pass import read_captions, read_records
from components.pair_filter.tasks import FileTask
from components.schema import TRAIN_SPLIT

CAPTION, IMAGE = "caption", "image"  # kinds of keys


class GatherEvidence(beam.DoFn):
    """(file, task) -> ((kind, bucket), batch): what a file knows, one element a bucket."""

    def __init__(self, config: FilterConfig, buckets: int) -> None:
        self._config = config
        self._buckets = buckets

    def process(self, element: tuple[int, FileTask]) -> Iterator[tuple[tuple[str, int], Batch]]:
        file, task = element
        counts, asks = task.split == TRAIN_SPLIT, task.split in self._config.splits
        if not (counts or asks):
            return
        records, captions = read_records(task), read_captions(task)
        caption = captions.keys("caption_key")
        image = np.repeat(records.keys("image_key"), records.numbers("captions"), axis=0)
        for kind, keys, witnesses in ((CAPTION, caption, image), (IMAGE, image, caption)):
            most = limit(kind, self._config)
            if most is None:
                continue
            batch = Batch(file, *trim(keys, witnesses[:, 0], most), counts, asks)
            for bucket, part in in_buckets(batch, self._buckets):
                yield (kind, bucket), part


class ConvictBucket(beam.DoFn):
    """((kind, bucket), batches) -> (file, (kind, its convicted keys))."""

    def __init__(self, config: FilterConfig) -> None:
        self._config = config

    def process(self, element: tuple[tuple[str, int], Iterable[Batch]]) -> Iterator[tuple[int, tuple[str, np.ndarray]]]:
        (kind, _), batches = element
        most = limit(kind, self._config)
        for file, keys in convict(batches, most) if most is not None else ():
            yield file, (kind, keys)


def limit(kind: str, config: FilterConfig) -> int | None:
    """Returns how many witnesses a key of a kind may have, null where the rule is off and nothing is gathered."""
    return config.max_images_per_caption if kind == CAPTION else config.max_captions_per_image
