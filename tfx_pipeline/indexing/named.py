"""What files, folders and globs on a command line name: pictures to be embedded, and Parquet files of vectors."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from tfx_pipeline.embedding.sources import IMAGE_ENDINGS, files_below
from tfx_pipeline.indexing.folder import Origin
from tfx_pipeline.indexing.sources import Part, parts_of_images
from tfx_pipeline.indexing.vectors import VectorsPart, parts_of_vectors
from tfx_pipeline.settings.config import ConfigError, at_home

_VECTORS = ".parquet"


def parts_named(words: Sequence[str]) -> tuple[list[Part | VectorsPart], list[Origin]]:
    """Returns the parts that words name, and where they are from.

    A word is a folder (its pictures, however deep, or else its Parquet files), a Parquet file of vectors, a picture, or
    a glob of such files.

    Raises:
      ConfigError: for a word that names none of them.
      ValueError: for a Parquet file without vectors.
    """
    parts: list[Part | VectorsPart] = []
    origins = []
    for word in words:
        word = at_home(word, "FILES")
        for path in _paths(word):
            if path.is_dir():
                found = _below(path)
                images = [name for name in found if not name.endswith(_VECTORS)]
                if not found:
                    raise ConfigError(f"{word} holds no picture and no Parquet file; of a folder no others are read")
                parts += parts_of_images(str(path), images)
                parts += [] if images else [part for name in found for part in parts_of_vectors(str(path / name))]
                origins.append(Origin("images" if images else "embeddings", str(path)))
            elif path.suffix.lower() == _VECTORS:
                parts += parts_of_vectors(str(path))
                origins.append(Origin("embeddings", str(path)))
            else:
                parts += parts_of_images(str(path.parent), [path.name])
                origins.append(Origin("images", str(path)))
    return parts, origins


def _paths(word: str) -> list[Path]:
    found = [word] if os.path.exists(word) else sorted(glob.glob(word, recursive=True))
    if not found:
        raise ConfigError(f"{word} names no file, folder or glob that matches; check the path")
    return [Path(name).resolve() for name in found]


def _below(folder: Path) -> list[str]:
    """Returns the pictures and Parquet files of a folder, relative to it, sorted."""
    found = files_below(folder, (*IMAGE_ENDINGS, _VECTORS))
    return sorted(path.relative_to(folder).as_posix() for path in found)
