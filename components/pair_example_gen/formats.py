"""The formats that PairExampleGen reads, and what is particular to the configuration of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Format:
    """What a format's configuration starts from.

    Attributes:
      glob: of its files, where `ingest.splits` is not set.
      captions: caption field -> language tag, where `ingest.captions` is not set.
      uses: the fields of `ingest` that mean something here besides those that every format has.
      defaults: value of such a field that is not set.
      part_bytes: a larger file is divided into parts of about this size, one task each; 0 where a file cannot be.
      split_values: the split that the record itself names -> our split; empty where none does.
      names_images: whether records may name image files by path, which then are part of the input as much as the files.
      images_beside: whether these paths start from the folder of the file that names them.
      kinds: ending of a file's name, also before that of its compression -> the format that it is read as; empty where
        all files are read as this one.
    """

    glob: str
    captions: Mapping[str, str]
    uses: frozenset[str] = frozenset()
    defaults: Mapping[str, str] = field(default_factory=dict)
    part_bytes: int = 0
    split_values: Mapping[str, str] = field(default_factory=dict)
    names_images: bool = False
    images_beside: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)


_TABLE = frozenset({"image_field", "image_folder", "paths_relative_to", "key_field"})
_JOINED = frozenset({"metadata", "key_field"})

# 4 MiB are some twenty thousand rows, whose images are gigabytes.
_ROWS = Format(
    "*.csv",
    {"caption": "und"},
    _TABLE | {"columns", "delimiter"},
    {"image_field": "image"},
    4 * _MIB,
    names_images=True,
)
FORMATS: Mapping[str, Format] = {
    "tar": Format("*.tar", {"txt": "und"}),
    # A row group of images is some hundred megabytes; one of paths is small, and its images are the work.
    "parquet": Format("*.parquet", {"caption": "und"}, _TABLE, {"image_field": "image"}, 128 * _MIB, names_images=True),
    "tfrecord": Format(
        "*.tfrecord*",
        {"caption/text": "und"},
        frozenset({"image_field", "key_field"}),
        {"image_field": "image/encoded"},
    ),
    "csv": _ROWS,
    "tsv": replace(_ROWS, glob="*.tsv"),
    "jsonl": replace(_ROWS, glob="*.jsonl", uses=_TABLE),
    # Hugging Face's: metadata.csv, .jsonl or .parquet beside the images, in each split's folder.
    "imagefolder": Format(
        "metadata.*",
        {"text": "und"},
        frozenset({"image_field", "key_field"}),
        {"image_field": "file_name"},
        4 * _MIB,
        names_images=True,
        images_beside=True,
        kinds={".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"},
    ),
    "conceptual_captions": Format("*.tar", {"caption": "en"}, _JOINED, {"url_field": "url"}),
    "coyo": Format("*.tar", {"caption": "en"}, _JOINED, {"url_field": "url"}),
    "laion": Format("*.tar", {"caption": "und"}, _JOINED, {"url_field": "url", "language_field": "LANGUAGE"}),
    # dataset_coco.json has 144 MB for 123 k images: 4 MiB are some 3500 images. Each part parses the whole file.
    "karpathy": Format(
        "dataset_*.json",
        {"sentences": "en"},
        frozenset({"image_folder"}),
        {},
        4 * _MIB,
        {"train": "train", "restval": "train", "val": "validation", "test": "test"},
        names_images=True,
    ),
}

# Metadata as the three data sets publish it: the column that our `caption` and our `url` stand for.
PUBLISHED_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "conceptual_captions": {"caption": "caption", "url": "url"},  # Train_GCC-training.tsv: caption<TAB>url, no header
    "coyo": {"text": "caption", "url": "url"},
    "laion": {"TEXT": "caption", "URL": "url"},
}
