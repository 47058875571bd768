"""Which versions a pushed folder `<base>/<version>/` holds; a version is a folder whose name is a whole number."""

from __future__ import annotations

import filecmp
import re
from collections.abc import Collection
from pathlib import Path

SAVED_MODEL_FILE = "saved_model.pb"
VARIABLES_INDEX = "variables/variables.index"
IMPORTED_FOLDER = "servable"  # beneath what `align import-hf` and `align import-keras-hub` write
LARGEST = 2**63 - 1  # a number that no message of TensorFlow Serving holds is no version there, nor here
_SHARD = re.compile(r"variables/variables\.data-(\d{5})-of-(\d{5})")


def complete_versions(base: Path, prefix: str = "") -> dict[int, Path]:
    """Returns number -> folder of the versions under `base` whose files are all there, ascending; {} without any.

    Args:
      base: the pushed folder, which need not be there.
      prefix: what stands before the number in a folder's name.
    """
    return {version: path for version, path in numbered_folders(base, prefix).items() if is_complete(path)}


def numbered_folders(base: Path, prefix: str = "") -> dict[int, Path]:
    """Returns number -> what is called so under `base`, whole or not, ascending.

    Names may carry leading zeros, as TensorFlow Serving allows.
    """
    found = {}
    for path in sorted(base.iterdir()) if base.is_dir() else ():
        number = path.name.removeprefix(prefix)
        if path.name.startswith(prefix) and number.isascii() and number.isdigit() and int(number) <= LARGEST:
            found[int(number)] = path
    return dict(sorted(found.items()))


def base_within(folder: Path) -> Path | None:
    """Returns the folder that holds complete versions: `folder`, or IMPORTED_FOLDER in it; None where neither does."""
    return next((base for base in (folder, folder / IMPORTED_FOLDER) if complete_versions(base)), None)


def is_same_model(folder: Path, other: Path) -> bool:
    """Say whether two versions are one model, by the graph and by the index, which holds each variable's checksum."""
    _, differing, missing = filecmp.cmpfiles(folder, other, [SAVED_MODEL_FILE, VARIABLES_INDEX], shallow=False)
    return not differing and not missing


def is_complete(folder: Path) -> bool:
    """Say whether a version has been written whole: the graph, the variables' index and every shard beside it.

    The Pusher's versions appear whole. Another's copy may come file by file, and a graph without its variables first.
    """
    if not (folder / SAVED_MODEL_FILE).is_file() or not (folder / VARIABLES_INDEX).is_file():
        return False
    return are_complete([SAVED_MODEL_FILE, *(f"variables/{path.name}" for path in (folder / "variables").iterdir())])


def are_complete(names: Collection[str]) -> bool:
    """Say whether files make a version, by their names in its folder, as `is_complete` does."""
    shards = [match for name in names if (match := _SHARD.fullmatch(name))]
    return SAVED_MODEL_FILE in names and VARIABLES_INDEX in names and bool(shards) and len(shards) == int(shards[0][2])
