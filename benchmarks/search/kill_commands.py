"""Kills `align index` at random moments of build, add, delete and compact, and looks for what was lost or half done.

Usage: .venv/bin/python -m benchmarks.search.kill_commands [--kills 20] [--seed 0] [--in-milvus]

A child runs the commands' bodies without a pause, and says a line when one has returned. After each SIGKILL the index
must open, hold to its checksums, and be as the acknowledged commands left it, or as the one after them left it; the
next child goes on with it. Says a line a kill, and fails at the first index that is anything else.

With --in-milvus the index is in a Milvus, which `make test-milvus` installs.
"""

from __future__ import annotations

import argparse
import functools
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from benchmarks.search.kills import killed
from benchmarks.search.milvus_server import milvus_server
from serving.search.stores.opening import open_store
from serving.search.stores.segments.segment_store import SegmentStore
from tfx_pipeline.commands.search.index import add_to_index, build_index
from tfx_pipeline.commands.search.index_changes import compact_index, delete_images
from tfx_pipeline.indexing.loading import loading_named
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import Config

DIMENSION = 8
LONGEST = 12.0  # seconds between a child's start of work and its end
CYCLE = 150  # changes from one build to the next
_IN_MILVUS = 9  # there a delete takes half as long as an add
_IDS = 400
_MODULE = "benchmarks.search.kill_commands"

State = dict[str, int]  # id -> the change that put it there


class Made:
    """A model that gives its dimension and nothing else."""

    fingerprint = "made"

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        """Returns [N, D]."""
        return np.eye(1, DIMENSION, dtype=np.float32).repeat(len(images), axis=0)

    encode_text = encode_image


MADE = Made()


def rows_of(change: int) -> dict[str, np.ndarray]:
    """Returns id -> vector [D] of what the change of a number brings."""
    generator = np.random.default_rng(change)
    ids = [f"{number:03}" for number in generator.choice(_IDS, 150, replace=False)]
    vectors = generator.normal(size=(150, DIMENSION))
    return dict(zip(ids, vectors / np.linalg.norm(vectors, axis=1, keepdims=True), strict=True))


def kind_of(change: int, cycle: int = CYCLE) -> str:
    """Returns what the change of a number does; a build and two adds take as long as the others of a cycle."""
    number = change % cycle
    return ("build", "add", "add")[number] if number < 3 else ("delete", "delete where", "compact")[number % 3]


def cycle_at(place: str | None) -> int:
    """Returns how many changes are from one build to the next, in segments or at a place in Milvus."""
    return CYCLE if place is None else _IN_MILVUS


def deleted_by(change: int) -> list[str]:
    """Returns the ids that a change deletes: about five are there."""
    return [f"{number:03}" for number in np.random.default_rng(change).choice(_IDS, 10, replace=False)]


def least_width(change: int) -> int:
    """Returns w, where a change deletes the images of a width from w to w + 9."""
    return int(np.random.default_rng(change).integers(0, _IDS))


def make(folder: Path, change: int, place: str | None = None) -> None:
    """Make the change of a number by its command, in segments or at a place in Milvus."""
    console, config, kind = Console(file=io.StringIO()), Config(), kind_of(change, cycle_at(place))
    index = folder / "index"
    if kind == "delete":
        delete_images(folder, index, deleted_by(change), [], console=console)
    elif kind == "delete where":
        least = least_width(change)
        delete_images(folder, index, [], [f"width >= {least}", f"width <= {least + 9}"], console=console)
    elif kind == "compact":
        compact_index(folder, index, console)
    else:
        rows, path = rows_of(change), folder / f"{change}.parquet"
        table = {"id": list(rows), "embedding": [vector.tolist() for vector in rows.values()]}
        table |= {"caption": [f"of change {change}"] * len(rows), "width": [int(name) for name in rows]}
        pq.write_table(pa.table(table), path)
        act = add_to_index
        if kind == "build":
            act = functools.partial(build_index, loading=loading_named(place, None, None, None))
        act(config, [str(path)], ingest=False, model=f"{_MODULE}:MADE", folder=index, console=console)


def after(state: State, change: int, cycle: int = CYCLE) -> State:
    """Returns what an index holds after a change."""
    kind = kind_of(change, cycle)
    if kind == "delete":
        gone = set(deleted_by(change))
        return {name: by for name, by in state.items() if name not in gone}
    if kind == "delete where":
        least = least_width(change)
        return {name: by for name, by in state.items() if not least <= int(name) <= least + 9}
    if kind == "compact":
        return state
    return {**({} if kind == "build" else state), **dict.fromkeys(rows_of(change), change)}


def held_by(folder: Path) -> State:
    """Returns what an index holds, by a search for all of it; each vector must be the one of its change."""
    try:
        store = open_store(folder)
    except FileNotFoundError:
        return {}
    if isinstance(store, SegmentStore):
        store.check()
    ids = store.search(np.eye(1, DIMENSION), _IDS + 1).ids[0]
    if len(ids) != store.count():
        raise AssertionError(f"a search for all finds {len(ids)}, the count is {store.count()}")
    changes = [int(caption.rpartition(" ")[2]) for caption in store.rows(ids).column("caption").to_pylist()]
    rows = {change: rows_of(change) for change in set(changes)}
    wanted = np.array([rows[change][name] for name, change in zip(ids, changes, strict=True)]).reshape(-1, DIMENSION)
    np.testing.assert_allclose(store.vectors(ids), wanted, atol=1e-3)
    return dict(zip(ids, changes, strict=True))


def kill(folder: Path, kills: int, *, seed: int = 0, longest: float = LONGEST, place: str | None = None) -> list[int]:
    """Kill a child that runs commands on one index again and again. Returns the number of changes after each kill."""
    options, cycle = [] if place is None else ["--place", place], cycle_at(place)
    generator = np.random.default_rng(seed)
    change, state, changes = 0, State(), []
    for _ in range(kills):
        following = change + killed(_MODULE, folder, change, generator.uniform(0, longest), options=options)
        for done in range(change, following):
            state = after(state, done, cycle)
        held = held_by(folder / "index")
        if held != state and held != (state := after(state, following, cycle)):
            raise AssertionError(f"killed in change {following}, the index holds {len(held)} images, not what was said")
        # What was cut off is made again, as by a person who starts the command anew: it changes nothing if it was done.
        change = following
        changes.append(change)
        print(
            f"killed in a {kind_of(change, cycle)}, after {change} changes: {len(state)} images, all there", flush=True
        )
    return changes


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--change", type=Path, help="change the index in this folder until killed")
    parser.add_argument("--in-milvus", action="store_true", help="keep the index in a Milvus that is started")
    parser.add_argument("--place", help="of the index in Milvus that is changed")
    parser.add_argument("--first", type=int, default=0, help="number of the first change")
    said = parser.parse_args(arguments)
    if said.change is None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if said.in_milvus:
                with milvus_server(folder) as address:
                    kill(folder, said.kills, seed=said.seed, place=f"{address}/killed")
            else:
                kill(folder, said.kills, seed=said.seed)
        return
    with quiet_imports():
        import tfx_pipeline.indexing.building  # noqa: F401  seconds, in which there is nothing to kill
    print("ready", flush=True)
    change = said.first
    while True:
        make(said.change, change, said.place)
        change += 1
        print(change, flush=True)


if __name__ == "__main__":
    main()
