"""Kills a process that changes a store in segments, at random moments, and looks for what was lost or half done.

Usage: .venv/bin/python -m benchmarks.search.kills [--kills 20] [--seed 0]

A child adds, deletes and compacts without a pause, and says a line when a change has returned. After each SIGKILL the
store must open, hold to its checksums, and be as the acknowledged changes left it, or as the one after them left it.
Says a line a kill, and fails at the first store that is anything else.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from serving.search.shards.schema import vector_column
from serving.search.stores.segments.codes import Sizes
from serving.search.stores.segments.compaction import compact
from serving.search.stores.segments.segment_store import SegmentStore, create_segment_store

DIMENSION = 16
SIZES = Sizes(exact_below=300, bytes_below=600)
_IDS = 2000
_CHANGES = 12  # that a child has made at most when it is about to be killed
_LONGEST = 0.5  # seconds from then to its end: the longest change here takes about that

State = dict[str, tuple[str, bytes]]  # id -> caption, vector


def rows_of(change: int) -> pa.Table:
    """Returns what the change of a number adds."""
    generator = np.random.default_rng(change)
    ids = [f"{number:04}" for number in generator.choice(_IDS, 200, replace=False)]
    vectors = generator.normal(size=(200, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pa.table({"id": ids, "vector": vector_column(vectors), "caption": [f"of change {change}"] * 200})


def deleted_by(change: int) -> list[str]:
    """Returns what the change of a number deletes."""
    return [f"{number:04}" for number in np.random.default_rng(change).choice(_IDS, 100, replace=False)]


def make(store: SegmentStore, change: int) -> None:
    """Make the change of a number: of five, three add, one deletes, one compacts."""
    if change % 5 == 3:
        store.delete(deleted_by(change))
    elif change % 5 == 4:
        compact(store, largest=1000)
    else:
        store.add(rows_of(change))


def after(state: State, change: int) -> State:
    """Returns what a store holds after a change."""
    if change % 5 == 3:
        gone = set(deleted_by(change))
        return {name: held for name, held in state.items() if name not in gone}
    if change % 5 == 4:
        return state
    rows = rows_of(change).to_pydict()
    return state | dict(zip(rows["id"], zip(rows["caption"], rows["vector"], strict=True), strict=True))


def held_by(store: SegmentStore) -> State:
    """Returns what a store holds, by a search for all of it."""
    ids = store.search(np.eye(1, DIMENSION), _IDS + 1).ids[0]
    if len(ids) != store.count():
        raise AssertionError(f"a search for all finds {len(ids)}, the count is {store.count()}")
    captions = store.rows(ids).column("caption").to_pylist()
    vectors = [row.tobytes() for row in store.vectors(ids)]
    return dict(zip(ids, zip(captions, vectors, strict=True), strict=True))


def killed(module: str, folder: Path, first: int, wait: float, made: int = 0, options: Sequence[str] = ()) -> int:
    """Start a child that changes the store in a folder from change `first` on, and kill it.

    Args:
      module: what it runs, with --change FOLDER --first NUMBER: it says a line when it begins, and after each change.
      folder: of the store.
      first: number of the first change.
      wait: seconds until then, once it has begun and made the changes of `made`.
      made: how many.
      options: more that it is given.

    Returns:
      how many changes it acknowledged.
    """
    command = [sys.executable, "-m", module, "--change", str(folder), "--first", str(first), *options]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert child.stdout
    _, *lines = [child.stdout.readline() for _ in range(1 + made)]
    time.sleep(wait)
    child.kill()
    lines += [line for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    if child.wait() != -9:
        raise AssertionError(f"the child ended by itself with {child.returncode}")
    return len(lines)


def kill_once(folder: Path, first: int, state: State, made: int, wait: float) -> tuple[int, State]:
    """Let a child change the store from change `first` on, kill it, and look at what is there.

    Args:
      folder: of the store.
      first: number of the first change.
      state: what the store holds before.
      made: how many changes it makes before.
      wait: seconds from then until it is killed.

    Returns:
      the number of the next change, and what the store holds.

    Raises:
      AssertionError: when that is neither what was acknowledged nor one change more.
    """
    following = first + killed("benchmarks.search.kills", folder, first, wait, made)
    for change in range(first, following):
        state = after(state, change)
    store = SegmentStore(folder, sizes=SIZES)
    store.check()
    held = held_by(store)
    if held == state:
        return following, held
    if held == after(state, following):
        return following + 1, held
    raise AssertionError(f"after {following} changes the store holds {len(held)} rows, not what was acknowledged")


def kill(folder: Path, kills: int, *, seed: int = 0) -> list[int]:
    """Kill a child that changes one store again and again. Returns the number of changes after each kill."""
    generator = np.random.default_rng(seed)
    create_segment_store(folder, fingerprint="made", dimension=DIMENSION)
    change, state, changes = 0, State(), []
    for _ in range(kills):
        change, state = kill_once(
            folder, change, state, int(generator.integers(_CHANGES + 1)), generator.uniform(0, _LONGEST)
        )
        changes.append(change)
        print(f"killed after {change} changes: {len(state)} rows, all there")
    store = SegmentStore(folder, sizes=SIZES)
    compact(store)
    left = {path.name for path in folder.iterdir()}
    needed = {"manifest.json", "writing.lock", "compacting.lock", *(entry.name for entry in store.entries())}
    if left != needed or held_by(store) != state:
        raise AssertionError(f"a compaction leaves {sorted(left - needed)} behind")
    return changes


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--change", type=Path, help="change the store in this folder until killed")
    parser.add_argument("--first", type=int, default=0, help="number of the first change")
    said = parser.parse_args(arguments)
    if said.change is None:
        with tempfile.TemporaryDirectory() as folder:
            kill(Path(folder) / "store", said.kills, seed=said.seed)
        return
    store = SegmentStore(said.change, sizes=SIZES)
    print("ready", flush=True)
    change = said.first
    while True:
        make(store, change)
        change += 1
        print(change, flush=True)


if __name__ == "__main__":
    main()
