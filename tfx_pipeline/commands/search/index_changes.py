"""The bodies of `align index delete` and `align index compact`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from rich.console import Console

from serving.search.stores.milvus.milvus_store import MilvusStore
from serving.search.stores.opening import open_store
from serving.search.stores.segments.compaction import compact
from serving.search.stores.segments.manifest import WRITING, locked
from serving.search.stores.segments.segment_store import SegmentStore
from tfx_pipeline.commands.search.index_info import info_of
from tfx_pipeline.indexing.conditions import filter_of
from tfx_pipeline.indexing.folder import Made, newest_index, refuse_exact
from tfx_pipeline.settings.config import ConfigError, as_config_error
from tfx_pipeline.wording import counted

_BYTE_ORDER_MARK = "\ufeff"  # before the first line of a list that Windows wrote
STANDARD_INPUT = "-"


def delete_images(
    root: Path,
    folder: Path | None,
    ids: Sequence[str],
    conditions: Sequence[str],
    *,
    listed: TextIO = sys.stdin,
    console: Console,
) -> int:
    """Delete images of an index; searches that begin then find them no more.

    Args:
      root: the pipeline's folder, whose newest index is meant where `folder` is None.
      folder: of the index.
      ids: of the images; "-" stands for those on the lines of `listed`.
      conditions: in the place of ids, as `filter_of` reads them; an image for which all hold is deleted.
      listed: where "-" reads from.
      console: where to print.

    Returns:
      How many were deleted.

    Raises:
      ConfigError: when there is no index, it is damaged, or nothing says what to delete.
    """
    if bool(ids) == bool(conditions):
        raise ConfigError("say what to delete: ids, or - for a list of them, or else --where 'FIELD OP VALUE'")
    with as_config_error((ValueError, OSError)):
        folder = folder or newest_index(root)
        Made.read(folder)
        store = _opened(folder)
        if conditions:
            deleted = store.delete_where(filter_of(conditions))
            asked = f"for which {' and '.join(conditions)}"
        else:
            given = [name for word in ids for name in (_lines(listed) if word == STANDARD_INPUT else [word])]
            deleted = store.delete(given)
            asked = f"of {counted(len(given), 'id')}"
        with locked(folder, WRITING):
            made = Made.read(folder)
            replace(made, deleted=made.deleted + deleted).write(folder)
    said = f"Deleted {counted(deleted, 'image')} {asked}; the index holds {counted(store.count(), 'image')}."
    console.print(said, soft_wrap=True, highlight=False, markup=False)
    return deleted


def compact_index(root: Path, folder: Path | None, console: Console) -> None:
    """Merge the segments of an index, and give back the room of what was deleted; searches go on meanwhile.

    Raises:
      ConfigError: when there is no index, or it is damaged.
    """
    folder = folder or newest_index(root)
    with as_config_error((ValueError, OSError)):
        store = _opened(folder)
        if isinstance(store, MilvusStore):
            store.compact()
            console.print("Milvus was asked to merge what it holds, and does so by itself.", highlight=False)
            return
        before = _size_of(folder)
        compact(store)
        after = _size_of(folder)
    console.print(f"{after}; before, {before}.", soft_wrap=True, highlight=False, markup=False)


def _size_of(folder: Path) -> str:
    found = info_of(folder)
    held = f"{counted(found['count'], 'image')} in {counted(found['segments'], 'segment')}"
    return f"{held} of {found['bytes'] / 1e6:,.1f} MB"


def _opened(folder: Path) -> SegmentStore | MilvusStore:
    refuse_exact(folder)
    store = open_store(folder)
    assert isinstance(store, (SegmentStore, MilvusStore))
    return store


def _lines(listed: TextIO) -> list[str]:
    found = (line.strip().removeprefix(_BYTE_ORDER_MARK) for line in listed)
    return [line for line in found if line]
