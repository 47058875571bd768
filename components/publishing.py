"""Puts what a Beam job wrote in its place once the whole job is done: a job that fails half-way leaves no split at all.

Workers write each file whole into a draft folder beside the splits. A worker that outlives its job, as one may whose
job was cancelled, reaches that folder alone.
"""

from __future__ import annotations

import posixpath
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf
from tfx.types import artifact, artifact_utils, standard_artifacts

from components.example_files import aside_folder, clear_aside, split_names

_DRAFTS = "whole"  # in the artifact's folder aside
RENAMES_AT_ONCE = 32  # in a bucket each takes the time of a few requests, and there may be 100 thousand


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
            tf.io.gfile.makedirs(artifact_utils.get_split_uri([of], split))  # one without files is there as well
        if tf.io.gfile.exists(_drafts(of)):
            for folder in tf.io.gfile.listdir(_drafts(of)):
                _move_files(posixpath.join(_drafts(of), folder), posixpath.join(of.uri, folder))
    clear_aside(*artifacts)


def _splits(of: artifact.Artifact) -> list[str]:
    return split_names(of) if of.type_name == standard_artifacts.Examples.TYPE_NAME else []


def _drafts(of: artifact.Artifact) -> str:
    return posixpath.join(aside_folder(of), _DRAFTS)


def _move_files(source: str, target: str) -> None:
    tf.io.gfile.makedirs(target)

    def move(name: str) -> None:
        tf.io.gfile.rename(posixpath.join(source, name), posixpath.join(target, name), overwrite=True)

    with ThreadPoolExecutor(RENAMES_AT_ONCE) as threads:
        list(threads.map(move, tf.io.gfile.listdir(source)))
