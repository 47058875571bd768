"""How a build brings its images into Milvus, as a command line says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serving.search.stores.milvus.milvus_store import BUILT
from serving.search.stores.milvus.place import Place
from tfx_pipeline.settings.config import ConfigError


@dataclass(frozen=True)
class Loading:
    """How a build brings its images into Milvus.

    Attributes:
      place: where; None where the folder says it already.
      index: of BUILT; None is that of the index before, or FLAT.
      bulk: a folder that Milvus reads too, for a bulk insert; None sends the rows.
      bulk_as: what Milvus calls that folder; None is its path.

    Raises:
      ConfigError: for an unknown index, or a name of no folder.
    """

    place: Place | None = None
    index: str | None = None
    bulk: Path | None = None
    bulk_as: str | None = None

    def __post_init__(self) -> None:
        if self.index is not None and self.index not in BUILT:
            raise ConfigError(f"--milvus-index is {self.index!r}; there are {', '.join(BUILT)}")
        if self.bulk_as is not None and self.bulk is None:
            raise ConfigError(f"--bulk-as is {self.bulk_as!r}, but no folder is named; name it by --bulk")


def loading_named(milvus: str | None, index: str | None, bulk: Path | None, bulk_as: str | None) -> Loading | None:
    """Returns what options say; None where none is given. `milvus` is http://HOST:PORT/COLLECTION."""
    if milvus is index is bulk is bulk_as is None:
        return None
    try:
        place = Place.named(milvus) if milvus is not None else None
    except ValueError as error:
        raise ConfigError(f"--milvus: {error}") from error
    return Loading(place, index, bulk, bulk_as)
