"""The folder of an index: where it lies, who made it of what, and what stands in it.

<output>/<name>/index/<pushed version>/     or any folder of yours
  index.json        who made it of what: `Made`
  shards/           embedding shards: what was embedded once is not embedded again
  manifest.json     the store in segments (serving/search/stores/segments/manifest.py), and its segments beside it
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from components.beam import whole_files
from components.files import local_files
from serving.search.stores.opening import EXACT, MILVUS
from serving.search.stores.segments.manifest import NAME
from tfx_pipeline.runs.folders import INDEXES
from tfx_pipeline.settings.config import ConfigError

MADE, SHARDS = "index.json", "shards"


@dataclass(frozen=True)
class Origin:
    """A source that an index was made of.

    Attributes:
      kind: "examples" (files of an Examples artifact), "ingest" (files that `ingest` reads), "images" (picture files)
        or "embeddings" (Parquet files).
      at: the folder or address that its files lie below, or the file.
      ingest: of kind "ingest", those fields of IngestConfig that are no defaults.
      stamp: of kind "examples", `stamp_of` its files when they were indexed.
    """

    kind: str
    at: str
    ingest: Mapping[str, Any] = field(default_factory=dict)
    stamp: str = ""


@dataclass(frozen=True)
class Made:
    """How an index was made, as its index.json says.

    Attributes:
      model: what encodes queries for it, as `serving.encoders.opening` reads it.
      fingerprint: of the model.
      dimension: D.
      created: when it was built, ISO 8601 in UTC.
      sources: what it was made of, each once. A build that was killed may leave one here that is not in the store.
      shards: names of the embedding shards that are in it.
      skipped: reason -> records that were left out.
      deleted: how many images `align index delete` took out since.
    """

    model: str
    fingerprint: str
    dimension: int
    created: str
    sources: Sequence[Origin] = ()
    shards: Sequence[str] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    deleted: int = 0

    @classmethod
    def read(cls, folder: Path) -> Made:
        """Read the index.json of a folder.

        Raises:
          ConfigError: when there is none, or it is damaged.
        """
        path = folder / MADE
        try:
            said = json.loads(path.read_text(encoding="utf-8"))
            origins = [Origin(**each) for each in said.pop("sources")]
            return cls(**said, sources=origins)
        except FileNotFoundError as error:
            raise ConfigError(f"{folder} holds no index; make one with `align index build`") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path} is damaged ({error}); build the index anew") from error

    def write(self, folder: Path) -> None:
        """Replace the index.json of a folder."""
        whole_files.write_json(str(folder / MADE), asdict(self))


def stamp_of(folder: Path) -> str:
    """Returns 32 hex digits that are others where the files below a local folder are others, or were written anew."""
    stamps = local_files.Stamps()
    told = (f"{name}\0{stamps.of(str(folder / name))}\n" for name in sorted(local_files.files_below(str(folder))))
    return hashlib.blake2b("".join(told).encode(errors="surrogatepass"), digest_size=16).hexdigest()


def refuse_exact(folder: Path) -> None:
    """Raise ConfigError where a folder holds an exact index."""
    if (folder / EXACT).exists():
        raise ConfigError(f"{folder} holds an exact index, {EXACT}, which these commands do not change; name another")


def refuse_segments(folder: Path) -> None:
    """Raise ConfigError where a folder holds an index in segments."""
    if (folder / NAME).exists():
        raise ConfigError(f"{folder} holds an index in segments, {NAME}; for one in Milvus name another folder")


def is_in_milvus(folder: Path) -> bool:
    """Says whether a folder stands for an index in Milvus."""
    return (folder / MILVUS).is_file()


def is_index(folder: Path) -> bool:
    """Says whether a folder holds a store."""
    return any((folder / name).is_file() for name in (NAME, EXACT, MILVUS))


def newest_index(root: Path) -> Path:
    """Returns the folder below a pipeline's root whose index was built last.

    Raises:
      ConfigError: when there is none.
    """
    found = [folder for folder in (root / INDEXES).glob("*") if is_index(folder) and (folder / MADE).is_file()]
    if not found:
        raise ConfigError(f"{root / INDEXES} holds no index; make one with `align index build`")
    return max(found, key=lambda folder: (Made.read(folder).created, folder.name))
