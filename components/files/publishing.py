"""Puts what a Beam job wrote in its place once the whole job is done: a job that fails half-way leaves no split at all.

Workers write each file whole into a draft folder beside the splits. A worker that outlives its job, as one may whose
job was cancelled, reaches that folder alone.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from components.artifact_files import split_folder
from components.beam import whole_files

ASIDE = ".aside"  # folder beside the splits that holds what is being written
_DRAFTS = "whole"  # in that folder
BATCHES_AT_ONCE = 8  # in a bucket a rename takes the time of a few requests, and there may be 100 thousand
RENAMES_IN_A_BATCH = 100  # what Google Cloud Storage takes in one request


def aside_folder(folder: str) -> str:
    """Returns the folder for what is unfinished in an artifact's folder."""
    return posixpath.join(folder, ASIDE)


def draft_folder(folder: str, split: str) -> str:
    """Returns the folder into which a job writes what it has of one split of an artifact's folder."""
    return posixpath.join(_drafts(folder), split_folder(split))


def publish(folder: str, splits: Sequence[str] = ()) -> None:
    """Move the draft of an artifact's folder into its place, then delete what failed attempts left behind.

    Args:
      folder: of the artifact.
      splits: its splits, each of which gets a folder even where it has no file.
    """
    for split in splits:
        whole_files.make_folder(posixpath.join(folder, split_folder(split)))
    _move_files(_drafts(folder), folder)
    clear_aside(folder)


def clear_aside(folder: str) -> None:
    """Delete what failed attempts left behind in an artifact's folder."""
    whole_files.remove_folder(aside_folder(folder))


def _drafts(folder: str) -> str:
    return posixpath.join(aside_folder(folder), _DRAFTS)


def _move_files(source: str, target: str) -> None:
    names = whole_files.files_below(source)
    for folder in {posixpath.dirname(name) for name in names}:
        whole_files.make_folder(posixpath.join(target, folder))
    batches = [names[first : first + RENAMES_IN_A_BATCH] for first in range(0, len(names), RENAMES_IN_A_BATCH)]

    def move(batch: Sequence[str]) -> None:
        sources, targets = ([posixpath.join(folder, name) for name in batch] for folder in (source, target))
        whole_files.rename(sources, targets)

    with ThreadPoolExecutor(BATCHES_AT_ONCE) as threads:
        list(threads.map(move, batches))
