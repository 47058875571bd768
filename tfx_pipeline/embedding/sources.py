"""What `align embed` is given, word by word: files, folders, globs, captions, Parquet columns, and lists of these."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tfx_pipeline.command_line.options import as_typed
from tfx_pipeline.settings.config import ConfigError, at_home

IMAGE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".jp2", ".avif"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
ROWS_AT_ONCE = 256  # of a Parquet file; bounds the bytes of images held


class Unreadable(Exception):
    """An input that cannot be read; the message says why."""


@dataclass(frozen=True)
class Input:
    """One image or text to embed.

    Attributes:
      id: the path of an image, FILE:LINE of a caption (from 1), FILE:ROW of a Parquet row (from 0) or its id column.
      kind: which tower it is for.
      read: returns an image's bytes or a text; raises Unreadable.
    """

    id: str
    kind: Literal["image", "text"]
    read: Callable[[], bytes | str]


@dataclass(frozen=True)
class Columns:
    """Which columns of Parquet files are read.

    Attributes:
      value: of strings (texts), bytes, or structs with `bytes` (images); None where a file has one such column.
      id: whose values name the rows; None names them by file and row.
    """

    value: str | None = None
    id: str | None = None


def inputs_of(words: Iterable[str], columns: Columns) -> Iterator[Input]:
    """Yield what the words name, in their order; a folder's and a glob's files by name.

    A word is a folder (its image files, however deep), a `.txt` of captions (a line each), a `.parquet` file, a glob,
    or else an image file.

    Raises:
      ConfigError: for a word that names nothing, or a Parquet file without such a column.
    """
    for word in words:
        word = at_home(word, "FILES")
        path = Path(word)
        if path.is_dir():
            yield from map(_image, files_below(path, IMAGE_ENDINGS))
        elif path.exists():
            yield from _of_file(path, columns)
        else:
            found = sorted(glob.glob(word, recursive=True))
            if not found:
                raise ConfigError(f"{word} names no file, folder or glob that matches; check the path")
            for name in found:
                if not os.path.isdir(name):
                    yield from _of_file(Path(name), columns)


def count_of(words: Iterable[str], columns: Columns) -> int:
    """Returns how many inputs the words name, reading no image; raises ConfigError as `inputs_of` does."""
    return sum(1 for _ in inputs_of(words, columns))


def _of_file(path: Path, columns: Columns) -> Iterator[Input]:
    ending = path.suffix.lower()
    if ending == ".txt":
        return _captions(path)
    return _rows(path, columns) if ending == ".parquet" else iter([_image(path)])


def files_below(folder: Path, endings: Collection[str]) -> Iterator[Path]:
    """Yield the files with such endings, folder by folder; links are followed, but into no folder that they lie in."""
    above = {str(folder): {_identity(folder)}}
    for at, folders, names in os.walk(folder, followlinks=True):
        path = above.pop(at)
        entered = {name: node for name in sorted(folders) if (node := _identity(Path(at, name))) not in path}
        above |= {os.path.join(at, name): path | {node} for name, node in entered.items()}
        folders[:] = entered
        yield from (Path(at, name) for name in sorted(names) if Path(name).suffix.lower() in endings)


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _image(path: Path) -> Input:
    def read() -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise Unreadable(f"the file cannot be read: {error.strerror}") from error

    return Input(as_typed(str(path)), "image", read)


def _captions(path: Path) -> Iterator[Input]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield Input(f"{path}:{number}", "text", _text_reader(line.rstrip(b"\r\n")))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from error


def _text_reader(line: bytes) -> Callable[[], str]:
    def read() -> str:
        try:
            text = line.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Unreadable(f"the line is no UTF-8, from byte {error.start} on") from error
        if not text.strip():
            raise Unreadable("the line is empty")
        return text

    return read


def _rows(path: Path, columns: Columns) -> Iterator[Input]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        value, kind = _value_column(path, file.schema_arrow, columns)
        read_columns = [value, *([columns.id] if columns.id is not None else [])]
        row = 0
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=read_columns):
            ids = batch.column(columns.id).to_pylist() if columns.id is not None else None
            for place, cell in enumerate(batch.column(value).to_pylist()):
                named = f"{path}:{row}" if ids is None else str(ids[place])
                yield Input(named, kind, _cell_reader(cell))
                row += 1
    except (OSError, pa.ArrowException) as error:
        raise ConfigError(f"{path} cannot be read as Parquet: {' '.join(str(error).split())}") from error


def _cell_reader(cell: Any) -> Callable[[], bytes | str]:
    def read() -> bytes | str:
        found = cell.get("bytes") if isinstance(cell, dict) else cell
        if not found or (isinstance(found, str) and not found.strip()):
            raise Unreadable("the cell is empty")
        return found

    return read


def _value_column(path: Path, schema: Any, columns: Columns) -> tuple[str, Literal["image", "text"]]:
    kinds = {field.name: kind for field in schema if (kind := _kind(field.type)) is not None}
    if columns.id is not None and columns.id not in schema.names:
        raise ConfigError(f"{path} has no column {columns.id!r} for --id-column; it has {', '.join(schema.names)}")
    able = [name for name in kinds if name != columns.id]
    if columns.value is None and len(able) == 1:
        return able[0], kinds[able[0]]
    if columns.value in kinds:
        return str(columns.value), kinds[str(columns.value)]
    named = "several columns to embed" if columns.value is None and able else f"no column {columns.value!r} to embed"
    raise ConfigError(
        f"{path} has {named}; name one by --column, of texts or image bytes: {', '.join(able) or 'it has none'}"
    )


def _kind(type_: Any) -> Literal["image", "text"] | None:
    """Returns what a column's cells are: strings are texts; bytes, and structs of them, are images."""
    import pyarrow as pa

    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return "text"
    if pa.types.is_struct(type_):
        fields = {type_.field(place).name: type_.field(place).type for place in range(type_.num_fields)}
        return _kind(fields["bytes"]) if "bytes" in fields else None
    return "image" if pa.types.is_binary(type_) or pa.types.is_large_binary(type_) else None
