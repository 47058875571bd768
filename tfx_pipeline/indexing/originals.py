"""Reads the pictures of an index again, one at a time, from the files that its index.json says it was made of."""

from __future__ import annotations

import bisect
import itertools
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyarrow.parquet as pq

from components import schema
from components.config_fields import build_fields
from components.files.record_places import NotStored, Place, places, read_placed
from components.files.tf_example import Example
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging.images import EXTENSIONS
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.raw_record import MAX_IMAGE_BYTES, Part, RawRecord, extension_of
from components.pair_example_gen.readers.decompression import is_compressed
from components.pair_example_gen.readers.tar_records import read_tar
from components.pair_example_gen.storage import file_systems as storage
from components.pair_example_gen.storage.sources import READERS, load_image, open_file, read_source
from components.pair_example_gen.tasks import Source
from tfx_pipeline.indexing.folder import Made, Origin

EXAMPLES, INGEST, IMAGES = "examples", "ingest", "images"
KEPT_FILES = 256  # whose records' places are remembered
_PARQUET = "parquet"


class Originals:
    """Gives a picture by source and row; threads may share it.

    Only what an origin of the index covers is opened, whatever a row of it says.

    Examples:
      >>> read = Originals(Made.read(Path("output/align-demo/index/1")))  # doctest: +SKIP
      >>> read("/data/00000.tar", 17)[:4]  # doctest: +SKIP
      b'\\xff\\xd8\\xff\\xe0'
    """

    def __init__(self, made: Made) -> None:
        """Take what index.json says."""
        self._origins = list(made.sources)
        self._places: OrderedDict[str, list[Place | None]] = OrderedDict()
        self._starts: OrderedDict[str, array[int]] = OrderedDict()  # of a tar's records
        self._lock = threading.Lock()
        self._readers: Mapping[str, Callable[[str, int | None, Origin], bytes]] = {
            EXAMPLES: self._of_example,
            INGEST: self._of_ingest,
            IMAGES: lambda source, row, origin: _whole(source),
        }

    def __call__(self, source: str, row: int | None) -> bytes:
        """Returns the picture as it is encoded in its file.

        Args:
          source: the file.
          row: number of the record in it; None where the file is the picture itself.

        Raises:
          OSError: when the file cannot be read.
          ValueError: when it holds no such picture, or does not belong to the index.
        """
        origin = next((each for each in self._origins if each.kind in self._readers and _covers(each, source)), None)
        if origin is None:
            raise ValueError("the index does not say how its pictures are read")
        return self._readers[origin.kind](source, row, origin)

    def _of_example(self, source: str, row: int | None, origin: Origin) -> bytes:
        if row is None or row < 0:
            raise ValueError(f"row {row} is no record")
        payload = read_placed(source, row, self._place(source, row))
        return Example.FromString(payload).features.feature[schema.IMAGE_ENCODED].bytes_list.value[0]

    def _place(self, source: str, row: int) -> Place | None:
        """Returns where a record begins; None in a file that can be entered nowhere."""
        with self._lock:
            if source in self._places:
                self._places.move_to_end(source)
            else:
                try:
                    self._places[source] = list(places(source))
                except NotStored:
                    self._places[source] = []
                while len(self._places) > KEPT_FILES:
                    self._places.popitem(last=False)
            known = self._places[source]
            return known[row] if row < len(known) else None

    def _of_ingest(self, source: str, row: int | None, origin: Origin) -> bytes:
        if row is None or extension_of(source) in EXTENSIONS:  # a picture that a table names by path
            return _whole(source)
        config = build_fields(IngestConfig, dict(origin.ingest))
        entered = READERS[config.format] is read_tar and not is_compressed(source)
        records = self._of_tar(source, row, config) if entered else _records(source, row, config)
        record = next((record for number, record in records if number == row), None)
        if record is None:
            raise ValueError(f"it holds no record {row} any more")
        try:
            load_image(record, config.folder_of_images)
        except Refused as refused:
            raise ValueError(refused.detail) from refused
        if record.image is None:
            raise ValueError(f"its record {row} has no image any more")
        return record.image

    def _of_tar(self, source: str, row: int, config: IngestConfig) -> Iterator[tuple[int, RawRecord]]:
        """Yield some records of a tar with their numbers, the row's among them; the first time it is read whole."""
        with self._lock:
            known = self._starts.get(source)
            if known is None:
                known = array("q", (record.start for record in read_source(Source(source, 0), config)))
                self._starts[source] = known
                while len(self._starts) > KEPT_FILES:
                    self._starts.popitem(last=False)
            self._starts.move_to_end(source)
        if not 0 <= row < len(known):
            return
        first = bisect.bisect_left(known, known[row])
        with open_file(source) as stream:
            stream.seek(known[row])
            yield from enumerate(itertools.islice(read_tar(stream, Part(), config), row - first + 1), first)


def _covers(origin: Origin, source: str) -> bool:
    """Says whether a file is an origin or lies below it, whatever .. its path has."""
    below = origin.at.rstrip("/") + "/"
    return ".." not in source.split("/") and (source == origin.at or source.startswith(below))


def _whole(address: str) -> bytes:
    return storage.read_start(address, MAX_IMAGE_BYTES)


def _records(source: str, row: int, config: IngestConfig) -> Iterator[tuple[int, RawRecord]]:
    """Yield records of a file with their numbers, of Parquet those of one row group, of others all up to the row."""
    if config.format != _PARQUET:
        yield from enumerate(itertools.islice(read_source(Source(source, 0), config), row + 1))
        return
    with open_file(source) as stream:
        facts: Any = pq.ParquetFile(stream).metadata
        ends = list(itertools.accumulate(facts.row_group(group).num_rows for group in range(facts.num_row_groups)))
    group = next((number for number, end in enumerate(ends) if row < end), None)
    if group is not None:
        first = ends[group - 1] if group else 0
        yield from enumerate(read_source(Source(source, 0, Part(group, len(ends))), config), first)
