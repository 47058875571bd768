"""The models that a Pusher has put into its folder, `<folder>/<version>/`: each of them was blessed."""

from __future__ import annotations

import itertools
import posixpath

from tfx.dsl.io import fileio

GRAPH = "saved_model.pb"
# The index holds a checksum of each variable, so that these two small files tell one model from another.
IDENTITY = (GRAPH, "variables/variables.index")


def versions(folder: str) -> list[str]:
    """Returns the folder of each version that is there whole, the oldest first; other names are no version's.

    The Pusher numbers versions in the order of its pushes. A version appears with all of its files; at an address such
    as gs://bucket/folder they come one by one, and `saved_model.pb` last.
    """
    if not fileio.exists(folder):
        return []
    names = [str(name).rstrip("/") for name in fileio.listdir(folder)]
    numbers = sorted((name for name in names if name.isascii() and name.isdigit()), key=int)
    found = [posixpath.join(folder, name) for name in numbers]
    return [version for version in found if all(fileio.exists(posixpath.join(version, file)) for file in IDENTITY)]


def last_before(model: str, folder: str) -> str:
    """Returns the newest version that was pushed before a model was; "" where there is none.

    A model that was never pushed comes after all of them. One that was is not compared with itself, nor with a later
    one: a run that changes nothing gets the answer that it had.

    Args:
      model: folder of a SavedModel.
      folder: where the Pusher puts versions.
    """
    pushed = versions(folder)
    candidate = _identity(model) if pushed else []
    earlier = itertools.takewhile(lambda version: _identity(version) != candidate, pushed)
    return max(earlier, key=pushed.index, default="")


def _identity(model: str) -> list[bytes]:
    return [fileio.open(posixpath.join(model, file), "rb").read() for file in IDENTITY]
