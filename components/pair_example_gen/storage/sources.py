"""Opens a task's source on whatever file system it lies on and reads it with its format's reader."""

from __future__ import annotations

import contextlib
import itertools
import os
import posixpath
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, cast

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.image_paths import below, is_unsafe, resolve
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.raw_record import MAX_IMAGE_BYTES, Part, RawRecord
from components.pair_example_gen.readers.csv_reader import read_csv, read_tsv
from components.pair_example_gen.readers.decompression import START_BYTES, decompressed, is_compressed, missing_suffix
from components.pair_example_gen.readers.json_lines_reader import read_json_lines
from components.pair_example_gen.readers.karpathy_reader import read_karpathy
from components.pair_example_gen.readers.parquet_reader import read_image_paths, read_parquet
from components.pair_example_gen.readers.tar_records import read_tar
from components.pair_example_gen.readers.tfrecord_reader import read_tfrecord
from components.pair_example_gen.storage import file_systems as storage
from components.pair_example_gen.storage.shards import shard_name
from components.pair_example_gen.tasks import Source
from serving.pictures import foreign


def read_unknown(stream: BinaryIO, part: Part, config: IngestConfig) -> Iterator[RawRecord]:
    """Say that a file is none of the kinds that Hugging Face's imagefolder has."""
    if not part.index:
        kinds = " or ".join(config.layout.kinds)
        yield RawRecord("", flaw=reasons.CORRUPT_FILE, detail=f"an imagefolder's metadata is {kinds}")


Reader = Callable[[BinaryIO, Part, IngestConfig], Iterator[RawRecord]]
READERS: Mapping[str, Reader] = {
    "tar": read_tar,
    "parquet": read_parquet,
    "tfrecord": read_tfrecord,
    "csv": read_csv,
    "tsv": read_tsv,
    "jsonl": read_json_lines,
    "imagefolder": read_unknown,  # what its kinds do not have
    "conceptual_captions": read_tar,
    "coyo": read_tar,
    "laion": read_tar,
    "karpathy": read_karpathy,
}
_AS_OF_NOISE = (reasons.CORRUPT_SHARD, reasons.CORRUPT_FILE, reasons.MALFORMED_ROW, reasons.DAMAGED_RECORD)
READERS_OF_PATHS = {"parquet": read_image_paths}  # of formats from which the images' paths are read without the rest


def read_source(source: Source, config: IngestConfig) -> Iterator[RawRecord]:
    """Yield the records of a source, up to its limit."""
    with open_file(source.path) as stream:
        read = READERS[_format(source.path, config)]
        records = itertools.islice(read(stream, source.part, config), source.limit)
        first = next(records, None)
        if (first is None or _says_little(first)) and (noise := _noise(source.path)):
            yield RawRecord("", flaw=first.flaw if first and first.flaw else reasons.CORRUPT_FILE, detail=noise)
            return
        for record in itertools.chain([first] if first else [], records):
            record.path = _from_image_folder(record.path, source.path, config)
            yield record


def _says_little(record: RawRecord) -> bool:
    """Says whether a file whose first record this is may be no such file at all."""
    return record.flaw in _AS_OF_NOISE or (record.image is None and not record.path)


def _noise(path: str) -> str | None:
    """Returns why a file's content makes no sense to its reader, where its first bytes tell, or null."""
    start = storage.read_start(path, max(START_BYTES, 64))
    suffix = missing_suffix(path, start[:START_BYTES])
    if suffix is None:
        return (what := foreign(start)) and f"the file is {what}"
    return f"the file is compressed, which its name does not say; call it {posixpath.basename(path)}{suffix}"


def _format(path: str, config: IngestConfig) -> str:
    """Returns the format that a file is read as: its ending's, where that says so, else the configured one."""
    name = f"{posixpath.basename(path)}."
    return next((kind for ending, kind in config.layout.kinds.items() if f"{ending}." in name), config.format)


def _from_image_folder(path: str, table: str, config: IngestConfig) -> str:
    """Returns an image's path as it starts from the image folder, where it is absolute or starts from its table's."""
    relative = below(config.folder_of_images, path)
    if not config.images_beside or not path or is_unsafe(path):
        return relative
    return posixpath.join(posixpath.dirname(shard_name(config, table)), path)


def image_paths(path: str, size: int, config: IngestConfig) -> Iterator[str]:
    """Yield the path of each image that a file names, as `load_image` takes it, and read no image.

    Args:
      path: of the file, which may be damaged: what it names before that is yielded.
      size: of the file, in bytes.
    """
    if read_paths := READERS_OF_PATHS.get(_format(path, config)):
        with open_file(path) as stream:
            for found in read_paths(stream, config.image_column):
                yield _from_image_folder(found, path, config)
    elif config.layout.names_images:
        yield from (record.path for record in read_source(Source(path, size), config) if record.path)


def _in_another_form(path: str) -> str:
    """Returns "; ..." where a missing file is there under a name of the same letters, as macOS writes them, else ""."""
    for form in ("NFC", "NFD"):
        other = unicodedata.normalize(form, path)
        if other != path and os.path.exists(other):
            return f"; it is there with its name in Unicode's form {form}: name it alike in table and folder"
    return ""


@contextlib.contextmanager
def open_file(path: str) -> Iterator[BinaryIO]:
    """Open a file, decompressed where its name says so; seekable where it does not.

    Raises:
      StorageFailure: where a server does not give it, or reading failed on the way, also where a reader took that for a
        damaged file.
    """
    with storage.open_stream(path) as stream:
        watched = storage.Watched(stream, path)
        plain = cast(BinaryIO, watched)
        try:
            yield decompressed(plain, path) if is_compressed(path) else plain
        except Exception:
            watched.refuse_failure()
            raise
        watched.refuse_failure()


def load_image(record: RawRecord, folder: str) -> None:
    """Read the image that a record names by path into it.

    Raises:
      Refused: with image_path_outside, before anything is opened, or image_missing.
      StorageFailure: where a server has the image but does not give it.
    """
    if (record.flaw and record.flaw not in reasons.OF_METADATA) or record.image is not None or not record.path:
        return
    address = resolve(folder, record.path)
    try:
        record.image = storage.read_start(address, MAX_IMAGE_BYTES + 1)
    except (OSError, ValueError) as error:
        detail = f"{address[:300]} cannot be read: {type(error).__name__}{_in_another_form(address)}"
        raise Refused(reasons.IMAGE_MISSING, detail) from error
