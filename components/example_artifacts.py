"""What TFX and the components say of an Examples artifact beside its files: splits, encoding, an evaluation set's name.

Beam's workers import no TFX and need nothing of this.
"""

from __future__ import annotations

from collections.abc import Sequence

from tfx.types import artifact, artifact_utils

from components.files import example_files

Artifacts = dict[str, list[artifact.Artifact]]  # key -> artifacts, as executors are given their inputs and outputs

_EVALUATION_SET = "evaluation_set"
# As tfx.components.util.examples_utils has it, whose import takes four seconds of all that TFX brings along.
_ENCODING = {"payload_format": "FORMAT_TF_EXAMPLE", "file_format": "tfrecords_gzip"}


def split_names(examples: artifact.Artifact) -> list[str]:
    """Returns the names of the artifact's splits."""
    return artifact_utils.decode_split_names(examples.split_names)


def files_of_splits(examples: artifact.Artifact) -> dict[str, list[str]]:
    """Returns split -> its record files, sorted by name.

    Raises:
      ValueError: where some of them are gone.
    """
    return {split: example_files.list_split(examples.uri, split) for split in split_names(examples)}


def describe(examples: artifact.Artifact, splits: Sequence[str]) -> None:
    """Say in an output artifact's properties which splits it holds and how they are encoded."""
    examples.split_names = artifact_utils.encode_split_names(list(splits))
    for name, value in _ENCODING.items():
        examples.set_string_custom_property(name, value)


def name_evaluation_set(examples: artifact.Artifact, name: str) -> None:
    """Say in an output artifact's properties of which evaluation set it holds the images."""
    examples.set_string_custom_property(_EVALUATION_SET, name)


def evaluation_set(examples: artifact.Artifact) -> str:
    """Returns the name of the evaluation set whose images the artifact holds; its address where it has no name."""
    return examples.get_string_custom_property(_EVALUATION_SET) or examples.uri
