"""What `align embed` writes: rows as they come, aside, and the file under its name when all is there.

Legend: n rows of a part, N rows of all, D embedding dimension.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from tfx_pipeline.settings.config import ConfigError


class Sink(Protocol):
    """Takes rows in order."""

    def add(self, ids: Sequence[str], kinds: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Write n rows: their ids, "image" or "text", and their [n, D] vectors."""
        ...


@contextlib.contextmanager
def sink_at(path: Path) -> Iterator[Sink]:
    """Open what writes a file by its ending; it stands under its name when the block ends without an error.

    - `.parquet`: columns `id`, `kind` and `embedding` (a list of D float32).
    - `.npy`: [N, D] float32, and beside it `<name>.ids.txt`, an id a line.

    Raises:
      ConfigError: for another ending, or a folder that cannot be written.
    """
    kinds = {".parquet": _parquet, ".npy": _numpy}
    if path.suffix not in kinds:
        raise ConfigError(f"--out {path} ends in neither of {' and '.join(kinds)}; name such a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with kinds[path.suffix](path) as sink:
            yield sink
    except OSError as error:
        raise ConfigError(
            f"--out {path} cannot be written ({error.strerror}); make room there or name another"
        ) from error


def ids_beside(path: Path) -> Path:
    """Returns where the ids of a `.npy` file are."""
    return path.with_name(f"{path.stem}.ids.txt")


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Yield a name to write to, which becomes `path` when the block ends and is removed where it fails."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield aside
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


class _Parquet:
    def __init__(self, aside: Path) -> None:
        self._aside = aside
        self._writer: Any = None

    def add(self, ids: Sequence[str], kinds: Sequence[str], vectors: NDArray[np.float32]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        flat = pa.array(np.ascontiguousarray(vectors).ravel())
        table = pa.table(
            {
                "id": pa.array(ids, pa.string()),
                "kind": pa.array(kinds, pa.string()),
                "embedding": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
            }
        )
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._aside, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


@contextlib.contextmanager
def _parquet(path: Path) -> Iterator[Sink]:
    with written_aside(path) as aside:
        sink = _Parquet(aside)
        with contextlib.closing(sink):
            yield sink


class _Numpy:
    """A `.npy` file whose first line, which holds N, is written again at the end; NumPy leaves room for that."""

    def __init__(self, vectors: BinaryIO, ids: BinaryIO) -> None:
        self._vectors, self._ids = vectors, ids
        self._rows = self._dimension = 0

    def add(self, ids: Sequence[str], kinds: Sequence[str], vectors: NDArray[np.float32]) -> None:
        if not self._rows:
            self._dimension = vectors.shape[1]
            self._write_header()
        self._rows += len(vectors)
        self._vectors.write(np.ascontiguousarray(vectors, "<f4").tobytes())
        self._ids.writelines(f"{' '.join(name.splitlines())}\n".encode("utf-8", "surrogateescape") for name in ids)

    def close(self) -> None:
        if self._rows:
            self._vectors.seek(0)
            self._write_header()

    def _write_header(self) -> None:
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._rows, self._dimension)}
        np.lib.format.write_array_header_1_0(self._vectors, header)


@contextlib.contextmanager
def _numpy(path: Path) -> Iterator[Sink]:
    with (
        written_aside(path) as aside,
        written_aside(ids_beside(path)) as ids_aside,
        aside.open("w+b") as vectors,
        ids_aside.open("wb") as ids,
    ):
        sink = _Numpy(vectors, ids)
        yield sink
        sink.close()
