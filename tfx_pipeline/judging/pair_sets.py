"""A user's own images with captions, in any format that ingest reads, as a data set to judge by."""

from __future__ import annotations

import dataclasses
import functools
import os
import posixpath
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from components.config_fields import build_fields
from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSetError, PairSet, Picture
from components.evaluator.datasets.pictures import FilePicture
from components.evaluator.datasets.published.karpathy import RETRIEVAL
from components.pair_example_gen.config import EvaluationSetConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.image_paths import resolve
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.judging.records import Caption, read_captions
from components.pair_example_gen.passes.ingest_pass import Ingest
from components.pair_example_gen.raw_record import RawRecord
from components.pair_example_gen.storage.file_systems import StorageFailure
from components.pair_example_gen.storage.shards import find_sources, shard_name
from components.pair_example_gen.storage.sources import load_image
from components.pair_example_gen.tasks import Source, Task
from components.schema import UNKNOWN_LANGUAGE


@dataclass(frozen=True)
class PairSetConfig(EvaluationSetConfig):
    """The fields of `evaluation_sets`, as a suite's `pairs` has them.

    Attributes:
      split: which of several splits to judge by; null where there is one.
    """

    split: str | None = None

    @property
    def section(self) -> str:
        """Where messages say that these settings stand."""
        return f"pairs.{self.name}"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.metadata:
            raise ValueError(
                f"{self.section}.metadata is {self.metadata!r}; join it by ingest first, and name its tables"
            )
        if len(self.shares) > 1:
            raise ValueError(
                f"{self.section}.hash_split is {dict(self.shares)}; leave it out, to judge by the whole pile"
            )
        if self.split is None and len(self.split_names) > 1:
            raise ValueError(
                f"{self.section} has the splits {self.split_names}; set {self.section}.split to one of them"
            )
        if self.split is not None and self.split not in self.split_names:
            raise ValueError(f"{self.section}.split is {self.split!r}; it must be one of {self.split_names}")

    @property
    def judged(self) -> str:
        """The split to judge by."""
        return self.split or self.split_names[0]


@dataclass(frozen=True)
class SpooledPicture:
    """An image that came inside another file, kept in a temporary one."""

    file: IO[bytes]
    offset: int
    size: int

    def __call__(self) -> bytes:
        return os.pread(self.file.fileno(), self.size, self.offset)


def pair_entry(name: str, fields: Mapping[str, Any], beside: Path) -> Entry:
    """Returns a suite's `pairs` as an entry like any other.

    Args:
      name: its key.
      fields: of PairSetConfig.
      beside: the folder that relative paths start from.

    Raises:
      DataSetError: a field is wrong; the message names it.
    """
    try:
        config = build_fields(PairSetConfig, {"name": name, **fields}, f"pairs.{name}")
    except ValueError as error:
        raise DataSetError(str(error)) from error
    folder = config.image_folder
    config = dataclasses.replace(
        config, shards=_beside(config.shards, beside), image_folder=folder and _beside(folder, beside)
    )
    languages = sorted({*config.fields.captions.values()})
    return Entry(
        name=name,
        about=f"{config.files} in {config.shards}",
        kind="pairs",
        metrics=RETRIEVAL,
        layout=() if "://" in config.shards else (".",),
        where=f"name the folder of its {config.files} in pairs.{name}.shards",
        read=lambda _: read_pairs(config),
        split=config.judged,
        language=languages[0] if len(languages) == 1 else UNKNOWN_LANGUAGE,
        base=Path(config.shards),
    )


def _beside(path: str, folder: Path) -> str:
    return path if "://" in path else str(folder / path)


def read_pairs(config: PairSetConfig) -> PairSet:
    """Read the images and captions of a split; rows that name the same image file are captions of one image.

    A record that cannot be used is counted under ingest's reason. What is only found by decoding is found later.

    Raises:
      DataSetError: the files cannot be found or read, or no record can be used.
    """
    images: dict[str, Picture] = {}
    captions: dict[str, list[Caption]] = {}
    skipped: Counter[str] = Counter()
    first = ""
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the pictures that read it
    try:
        for source, record in _records(config):
            try:
                picture = _picture(record, config, spool)
                found = read_captions(record.fields, config.fields.captions, config.fields.language)
                skipped.update(refused.reason for refused in found.refused)
                if not found.kept:
                    raise Refused(reasons.NO_CAPTION, f"none in {', '.join(config.fields.captions)}")
            except Refused as refused:
                skipped[refused.reason] += 1
                first = first or f"{shard_name(config, source.path)}#{record.name}: {refused.reason}, {refused.detail}"
                continue
            name = _plain(record.path) or _new_name(f"{shard_name(config, source.path)}#{record.name}", images)
            images.setdefault(name, picture)
            captions.setdefault(name, []).extend(found.kept)
    except (StorageFailure, ValueError) as error:
        raise DataSetError(str(error)) from error
    if not images:
        said = f"the first is {first}" if first else f"there is none of the split {config.judged!r}"
        raise DataSetError(f"no record of {config.section} can be used; {said}")
    spool.flush()
    kept = [caption for of_one in captions.values() for caption in of_one]
    return PairSet(
        image_ids=tuple(images),
        images=tuple(images.values()),
        captions=tuple(caption.text for caption in kept),
        caption_count=np.array([len(of_one) for of_one in captions.values()], np.int64),
        languages=tuple(caption.language for caption in kept),
        skipped=skipped,
    )


def _records(config: PairSetConfig) -> Iterator[tuple[Source, RawRecord]]:
    """Yield the records of the split to judge by, with what stands beside them."""
    reader = Ingest(config, aside="", check=len)  # whose `read` knows the tables beside the shards of published sets
    sources = find_sources(config)
    for source in sources.get(config.judged) or functools.reduce(list.__add__, sources.values()):
        for record in reader.read(Task(source, shard_name(config, source.path), outputs={}, shares={})):
            if not record.split or record.split == config.judged:
                yield source, record


def _picture(record: RawRecord, config: PairSetConfig, spool: IO[bytes]) -> Picture:
    """Returns where a record's image lies; raises Refused where it has none."""
    if record.flaw:
        raise Refused(record.flaw, record.detail)
    if record.path and "://" not in config.folder_of_images:
        path = Path(resolve(config.folder_of_images, record.path))
        if not path.is_file():
            raise Refused(reasons.IMAGE_MISSING, f"{path} is not there")
        return FilePicture(path)
    load_image(record, config.folder_of_images)
    if record.image is None:
        raise Refused(reasons.NO_IMAGE, record.detail)
    offset = spool.seek(0, os.SEEK_END)
    spool.write(record.image)
    return SpooledPicture(spool, offset, len(record.image))


def _plain(path: str) -> str:
    """Returns a path in one spelling, so that `./a.jpg` is the image `a.jpg`."""
    return path if "://" in path or not path else posixpath.normpath(path)


def _new_name(name: str, taken: Mapping[str, object]) -> str:
    """Returns a record's name, with a number behind it where another has it, as in tars that were appended to."""
    names = (f"{name} ({number})" if number > 1 else name for number in range(1, len(taken) + 2))
    return next(each for each in names if each not in taken)
