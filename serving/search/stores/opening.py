"""Opens the index that stands in a folder, whatever kind of store holds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from serving.search.shards.files import shard_facts
from serving.search.stores.exact import ExactStore
from serving.search.stores.milvus.place import NAME as MILVUS
from serving.search.stores.milvus.place import open_place
from serving.search.stores.segments.manifest import NAME, DamagedSegment
from serving.search.stores.segments.segment_store import SegmentStore, refuse
from serving.search.stores.store import Store

EXACT = "exact.parquet"  # the file of an exact store in the folder of an index


def open_store(folder: Path, *, on_damage: Callable[[DamagedSegment], None] = refuse) -> Store:
    """Open the store that stands in a folder.

    Args:
      folder: of the index.
      on_damage: what is done of a damaged segment. If it returns, searches leave the segment out.

    Raises:
      FileNotFoundError: when the folder holds no index, or the one in Milvus is gone.
      ValueError: when the index is damaged, of another format, or more than one.
      DamagedSegment: as `on_damage` raises it.
      MilvusUnavailable: when the index is in Milvus, which does not answer.
    """
    kinds: dict[str, Callable[[], Store]] = {
        NAME: lambda: SegmentStore(folder, on_damage=on_damage),
        EXACT: lambda: _exact(folder / EXACT),
        MILVUS: lambda: open_place(folder),
    }
    held = [name for name in kinds if (folder / name).exists()]
    if len(held) > 1:
        raise ValueError(f"{folder} holds {' and '.join(held)}, which are two indexes; move one to a folder of its own")
    if not held:
        what = "is a file, not the folder of an index" if folder.is_file() else "holds no index"
        raise FileNotFoundError(f"{folder} {what}; make one with `align index build`")
    return kinds[held[0]]()


def _exact(path: Path) -> ExactStore:
    said = shard_facts(path)
    return ExactStore(path, fingerprint=said.fingerprint, dimension=said.dimension)
