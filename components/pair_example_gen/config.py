"""What PairExampleGen reads: the `ingest` section of a config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_IMAGE_PIXELS = 64_000_000  # refuses decompression bombs from the header; a 64-megapixel camera still passes


@dataclass(frozen=True)
class IngestConfig:
    """Where the image-text pairs are and which of their fields are captions.

    Attributes:
      shards: folder that holds the tar shards. Required; a relative path starts at the config file's folder.
      splits: split name -> glob of its tar shards under `shards`. A single entry is one pile, divided by
        `hash_split`; of several, each is a split by itself, and one must be named "train".
      hash_split: split name -> share, an integer weight, of the one pile. Images are assigned by hash of their bytes,
        so that no image straddles two splits. Where `splits` has several entries it must be empty.
      captions: caption field -> BCP 47 language tag ("und" where unknown). "txt" is the .txt member of a
        record, every other name a key of its .json member.
      label_field: key in the .json member that holds the class for zero-shot evaluation; "" for none.
      max_image_pixels: width x height above which an image is refused by its header, before any decoding.
    """

    shards: str = ""
    splits: Mapping[str, str] = field(default_factory=lambda: {"all": "*.tar"})
    hash_split: Mapping[str, int] = field(default_factory=lambda: {"train": 98, "validation": 2})
    captions: Mapping[str, str] = field(default_factory=lambda: {"txt": "und"})
    label_field: str = ""
    max_image_pixels: int = MAX_IMAGE_PIXELS

    def __post_init__(self) -> None:
        if not self.splits:
            raise ValueError('ingest.splits is empty; name at least one glob, such as {"all": "*.tar"}')
        divided = len(self.splits) == 1
        if divided and not self.hash_split:
            raise ValueError(
                f"ingest.hash_split is empty but ingest.splits has the single entry {list(self.splits)}; "
                "give shares such as {train: 98, validation: 2}"
            )
        if not divided and self.hash_split:
            raise ValueError(
                f"ingest.hash_split is {dict(self.hash_split)} but ingest.splits already names {list(self.splits)}; "
                "set hash_split to {} or give a single glob"
            )
        if "train" not in self.split_names:
            raise ValueError(f'ingest names the splits {self.split_names}; one of them must be "train"')
        for name, weight in self.hash_split.items():
            if weight < 1:
                raise ValueError(f"ingest.hash_split[{name!r}] is {weight}; a share must be at least 1")
        if not self.captions:
            raise ValueError('ingest.captions is empty; name at least one caption field, such as {"txt": "und"}')
        if self.max_image_pixels < 1:
            raise ValueError(f"ingest.max_image_pixels is {self.max_image_pixels}; it must be at least 1")

    @property
    def split_names(self) -> list[str]:
        """Names of the splits that PairExampleGen writes."""
        return list(self.hash_split) if len(self.splits) == 1 else list(self.splits)
