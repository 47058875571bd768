"""What images come from: the Examples of a run, what `ingest` reads, or image files; each divided into parts.

A part becomes one embedding shard. It says of itself what must be the same for its shard to stand.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from components.artifact_files import split_folder, split_of
from components.beam import whole_files
from components.files import example_files
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging.image_paths import resolve
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.judging.records import read_name
from components.pair_example_gen.passes.ingest_pass import with_every_row, with_flaw, with_rows
from components.pair_example_gen.passes.metadata import Rows, path_beside, rows_beside
from components.pair_example_gen.raw_record import RawRecord, extension_of
from components.pair_example_gen.storage.listing import Stamps
from components.pair_example_gen.storage.shards import find_metadata, find_sources, shard_name
from components.pair_example_gen.storage.sources import image_paths, load_image, read_source
from components.pair_example_gen.tasks import Source
from tfx_pipeline.indexing.entries import Entry, of_example, of_record

IMAGES_A_PART = 4096  # image files
PATH_NOT_UTF8 = "path_not_utf8"  # why a picture is left out
_PARQUET_ROW = "row "  # what parquet_reader.py calls a record by its number in the file


@dataclass(frozen=True)
class Skipped:
    """A record that is left out of the index."""

    name: str
    reason: str
    detail: str


class Identified(Protocol):
    """A part of a source, which Beam pickles."""

    def identity(self, stamps: Stamps) -> str:
        """Returns a text that is another one where what it reads may be others."""
        ...


class Part(Identified, Protocol):
    """A part of a source of images."""

    def entries(self) -> Iterator[Entry | Skipped]:
        """Yield each record, as an entry or with the reason for which it is left out."""
        ...


@dataclass(frozen=True)
class Task:
    """One part of a source and the shard that it becomes."""

    part: Part
    shard: str


@dataclass(frozen=True)
class ExamplesFile:
    """One file of an Examples artifact."""

    path: str
    split: str

    def entries(self) -> Iterator[Entry | Skipped]:
        """See `Part.entries`."""
        for row, payload in enumerate(example_files.read_payloads(self.path)):
            try:
                yield of_example(payload, split=self.split, source=self.path, row=row)
            except Refused as refused:
                yield Skipped(f"{self.path}#{row}", refused.reason, refused.detail)

    def identity(self, stamps: Stamps) -> str:
        """See `Part.identity`."""
        return f"examples\0{self.path}\0{stamps.of(self.path)}"


@dataclass(frozen=True)
class IngestPart:
    """One part of a file that `ingest` reads.

    Attributes:
      config: how.
      source: the part.
      shares: of the splits that its images belong to.
      metadata: the files that `ingest.metadata` names.
      found: what they say of this part's records, once it was joined; a record that they do not know is left out.
    """

    config: IngestConfig
    source: Source
    shares: Mapping[str, int]
    metadata: Sequence[Source] = ()
    found: Rows | None = None

    def entries(self) -> Iterator[Entry | Skipped]:
        """See `Part.entries`."""
        name = shard_name(self.config, self.source.path)
        for number, record in enumerate(self._records()):
            url = read_name(record.fields, self.config.fields.url)
            in_file = read_name(record.fields, self.config.fields.key) or record.name
            called = _printable(url or f"{name}#{in_file}")
            yield _judged(record, self.config, called, _printable(url), self.shares, self.source.path, number)

    def identity(self, stamps: Stamps) -> str:
        """See `Part.identity`."""
        found = [self.config.to_json(), self.source.path, str(self.source.part), str(self.source.limit)]
        found += [stamps.of(self.source.path), str(dict(self.shares))]
        if "metadata" in self.config.layout.uses:
            found.append(stamps.of(path_beside(self.source.path)))
        for path in dict.fromkeys(each.path for each in self.metadata):
            found.append(f"{path} {stamps.of(path)}")
        for path in image_paths(self.source.path, self.source.size, self.config):
            try:
                found.append(stamps.of(resolve(self.config.folder_of_images, path)))
            except Refused:
                continue
        return "ingest\0" + "\0".join(found)

    def _records(self) -> Iterator[RawRecord]:
        records = read_source(self.source, self.config)
        if "metadata" in self.config.layout.uses:
            try:
                records = with_rows(records, rows_beside(self.source.path, self.config))
            except Refused as refused:
                records = with_flaw(records, refused)
        return records if self.found is None else with_every_row(records, self.found)


@dataclass(frozen=True)
class ImageFiles:
    """Some image files of a folder."""

    folder: str
    names: tuple[str, ...]

    def entries(self) -> Iterator[Entry | Skipped]:
        """See `Part.entries`."""
        config = IngestConfig(shards=self.folder)
        for name in self.names:
            record = RawRecord(name, path=name, extension=extension_of(name))
            yield _judged(record, config, _printable(name), "", {}, self.folder, None)

    def identity(self, stamps: Stamps) -> str:
        """See `Part.identity`."""
        return "\0".join(
            ["images", self.folder, *(f"{n}\0{stamps.of(os.path.join(self.folder, n))}" for n in self.names)]
        )


def parts_of_examples(folder: str) -> list[Part]:
    """Returns the files of an Examples artifact, split by split."""
    names = sorted({name.partition("/")[0] for name in whole_files.files_below(folder)})
    splits = [split_of(name) for name in names if name.startswith(split_folder(""))]
    return [ExamplesFile(path, split) for split in splits for path in example_files.list_split(folder, split)]


def parts_of_ingest(config: IngestConfig) -> list[Part]:
    """Returns the parts of all files that `ingest` reads.

    Raises:
      ValueError: where there are none, or none that `ingest.metadata` names.
    """
    metadata = tuple(find_metadata(config))
    return [
        IngestPart(config, source, config.shares_of(entry), metadata)
        for entry, some in find_sources(config).items()
        for source in some
    ]


def parts_of_images(folder: str, names: Sequence[str]) -> list[Part]:
    """Returns image files by the thousand."""
    starts = range(0, len(names), IMAGES_A_PART)
    return [ImageFiles(folder, tuple(names[start : start + IMAGES_A_PART])) for start in starts]


def digest_of(part: Identified, stamps: Stamps, *more: str) -> str:
    """Returns 32 hex digits that are others where a part's shard would be another one."""
    told = "\0".join((part.identity(stamps), *more))
    return hashlib.blake2b(told.encode(errors="surrogatepass"), digest_size=16).hexdigest()


def changed_fields(config: IngestConfig) -> Mapping[str, Any]:
    """Returns those fields of a config that are no defaults, as JSON has them."""
    default, own = (json.loads(json.dumps(dataclasses.asdict(each))) for each in (IngestConfig(), config))
    return {name: value for name, value in own.items() if value != default[name]}


def _judged(
    record: RawRecord,
    config: IngestConfig,
    name: str,
    url: str,
    shares: Mapping[str, int],
    source: str,
    row: int | None,
) -> Entry | Skipped:
    """Judge a record. Of a picture that is a file of its own, that file is the source, and there is no row."""
    if record.name.startswith(_PARQUET_ROW) and record.name[len(_PARQUET_ROW) :].isdecimal():
        row = int(record.name[len(_PARQUET_ROW) :])
    try:
        if record.path and record.image is None and not record.flaw:
            source, row = resolve(config.folder_of_images, record.path), None
        if source != _printable(source):
            raise Refused(PATH_NOT_UTF8, f"{source!r} is no UTF-8, which an index keeps; rename it")
        load_image(record, config.folder_of_images)
        return of_record(record, config, name=name, url=url, shares=shares, source=source, row=row)
    except Refused as refused:
        return Skipped(name, refused.reason, _printable(refused.detail))


def _printable(text: str) -> str:
    """Returns a text that UTF-8 can hold, whatever bytes a name was made of."""
    return text.encode("utf-8", "backslashreplace").decode()
