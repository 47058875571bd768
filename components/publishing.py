"""Puts what a Beam job wrote in its place once the whole job is done: a job that fails half-way leaves no split at all.

Workers write each file whole into a draft folder beside the splits. A worker that outlives its job, as one may whose
job was cancelled, reaches that folder alone.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tfx.types import artifact, artifact_utils, standard_artifacts

from components import whole_files
from components.example_artifacts import aside_folder, clear_aside, split_names

_DRAFTS = "whole"  # in the artifact's folder aside
BATCHES_AT_ONCE = 8  # in a bucket a rename takes the time of a few requests, and there may be 100 thousand
RENAMES_IN_A_BATCH = 100  # what Google Cloud Storage takes in one request


def draft_folder(of: artifact.Artifact, split: str) -> str:
    """Returns the folder into which a job writes what it has of one split."""
    return posixpath.join(_drafts(of), split_folder(split))


def split_folder(split: str) -> str:
    """Returns the name of a split's folder, in Examples as TFX has it and in tables that stand beside them."""
    return f"Split-{split}"


def publish(*artifacts: artifact.Artifact) -> None:
    """Move the draft of each artifact into its place, then delete what failed attempts left behind."""
    for of in artifacts:
        for split in _splits(of):
            whole_files.make_folder(artifact_utils.get_split_uri([of], split))  # one without files is there as well
        _move_files(_drafts(of), of.uri)
    clear_aside(*artifacts)


def _splits(of: artifact.Artifact) -> list[str]:
    return split_names(of) if of.type_name == standard_artifacts.Examples.TYPE_NAME else []


def _drafts(of: artifact.Artifact) -> str:
    return posixpath.join(aside_folder(of), _DRAFTS)


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
