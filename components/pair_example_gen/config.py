"""What PairExampleGen reads: the `ingest` section of a config, and each entry of `evaluation_sets`."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

from components.config_fields import build_fields, refuse_unless
from components.pair_example_gen.fields import Fields
from components.pair_example_gen.formats import FORMATS, Format
from components.pair_example_gen.judging.language_tags import language_tag
from components.schema import TRAIN_SPLIT
from serving.normal_form import DECODABLE_PIXELS, MAX_IMAGE_PIXELS

_OF_SOME_FORMATS = ("image_field", "image_folder", "paths_relative_to", "key_field", "columns", "delimiter", "metadata")

Off = Literal[False]  # of a field for which null means the format's own


@dataclass(frozen=True)
class IngestConfig:
    """Where the image-text pairs are and which of their fields are captions.

    null is the default wherever a field may be null. Where the docstring says "by format", null takes what
    components/pair_example_gen/formats.py has for the format; elsewhere it is none at all.

    Attributes:
      shards: folder of the files, on any file system that Beam reads. Required; relative to the config file.
      format: how the files are laid out. But for Parquet, a file whose name ends in .gz, .tgz, .bz2, .xz, .lzma or .zst
        is decompressed on the way; a large one is then no longer divided among workers.
        "tar": img2dataset's and WebDataset's shards.
        "parquet": rows with the image as bytes, as Hugging Face's {bytes, path}, or as a path. "tfrecord": Examples.
        "csv", "tsv": a row for each image file, quoted as RFC 4180 has it. "jsonl": a JSON object a line.
        "imagefolder": Hugging Face's: metadata.csv, .jsonl or .parquet beside the images.
        "conceptual_captions", "coyo", "laion": img2dataset's tar shards of these sets, with fields from the .json
        member, the row of that key in the Parquet file beside the shard, which wins, or `metadata`.
        "karpathy": dataset_coco.json or dataset_flickr30k.json; its split field chooses train (restval too) and others.
      splits: split name -> glob of its files under `shards`; by format, one pile. A single entry is one pile, divided
        by `hash_split`; of several, each is a split by itself, and one must be named "train".
      hash_split: split name -> share, an integer weight, of the one pile, by hash of an image's bytes. null:
        DEFAULT_HASH_SPLIT of one pile, {} where `splits` has several entries or the format names each record's split.
      captions: caption field -> BCP 47 language tag ("und" where unknown); by format. In a tar, "txt" is the .txt
        member of a record and every other name a key of its .json member; elsewhere it is a column or feature. A
        field that holds a list holds several captions.
      language_field: field with the BCP 47 tag of a record's captions: a text for all, or a list as long as the list
        of captions. Where it is absent or empty, that in `captions` stands; what is no tag is noted and read as "und".
        By format; false for none where the format has one.
      label_field: field that holds the class for zero-shot evaluation.
      url_field: field with the image's address, which then names the record in messages; by format, false for none.
      image_field: column or feature that holds the image or its path; by format.
      image_folder: folder that the images' paths start from or lie below; null for `shards`. Others are refused.
      paths_relative_to: "table" where the images' paths start from the folder of the table that names them.
      key_field: column that names a record in messages, not its number, and joins `metadata`, not the address.
      columns: names, where a CSV or TSV has no header line; () where it has one.
      delimiter: the character between a CSV's or TSV's values; by format, a comma or a tab.
      quote: false for a CSV or TSV in which a quote is a character as any other.
      metadata: glob under `shards` of the set's published TSV or Parquet, for shards without captions, else null.
      sample: read about so many records, from tasks chosen by hash, the same each time; null for all. [records; ours]
      max_image_pixels: width x height above which an image is refused by its header, before any decoding; at most
        134_217_727, above which TensorFlow may decode none. [px; ours]

    Examples:
      >>> IngestConfig(shards="data", format="csv").split_names
      ['train', 'validation']
    """

    DEFAULT_HASH_SPLIT: ClassVar[Mapping[str, int]] = {TRAIN_SPLIT: 98, "validation": 2}

    shards: str = ""
    format: str = "tar"
    splits: Mapping[str, str] | None = None
    hash_split: Mapping[str, int] | None = None
    captions: Mapping[str, str] | None = None
    language_field: str | Off | None = None
    label_field: str | None = None
    url_field: str | Off | None = None
    image_field: str | None = None
    image_folder: str | None = None
    paths_relative_to: Literal["table"] | None = None
    key_field: str | None = None
    columns: tuple[str, ...] = ()
    delimiter: str | None = None
    quote: Off | None = None
    metadata: str | None = None
    sample: int | None = None
    max_image_pixels: int = MAX_IMAGE_PIXELS

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"{self.section}.format is {self.format!r}; it must be one of {', '.join(FORMATS)}")
        self._refuse_what_the_format_ignores()
        self._check_splits()
        self._check_captions()
        missing = [name for name in self.named_fields if name not in self.columns]
        if self.columns and missing:
            raise ValueError(
                f"{self.section}.columns is {list(self.columns)}, without {missing[0]!r}; name that column there, or "
                f"the right one in {self.section}.captions, image_field or whichever field asks for it"
            )
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"{self.section}.columns is {list(self.columns)}; each name may come once")
        refuse_unless(self, self.section, lambda n: n >= 1, "at least 1, or null for all records", "sample")
        most = DECODABLE_PIXELS
        refuse_unless(self, self.section, lambda n: 1 <= n <= most, f"from 1 to {most:_}", "max_image_pixels")
        one = "one character, such as ';', no quote and no line end"
        refuse_unless(self, self.section, lambda text: bool(re.fullmatch(r'[^"\r\n\0]', text)), one, "delimiter")

    @property
    def section(self) -> str:
        """Where messages say that these settings stand."""
        return "ingest"

    @property
    def needed_splits(self) -> list[str]:
        """Names of the splits of which one at least must hold an image."""
        return [TRAIN_SPLIT]

    def to_json(self) -> str:
        """Returns the config as text, which the cache depends on: what is by format stands there in full."""
        fields = self.fields
        by_format = {
            "splits": dict(self.globs),
            "hash_split": dict(self.shares),
            "captions": dict(fields.captions),
            "language_field": fields.language or False,
            "url_field": fields.url or False,
        }
        return json.dumps({**asdict(self), **by_format})

    @property
    def layout(self) -> Format:
        """What is particular to the format."""
        return FORMATS[self.format]

    @property
    def files(self) -> str:
        """How messages call the files."""
        return "tar shards" if self.layout.glob.endswith(".tar") else f"{self.format} files"

    @property
    def split_names(self) -> list[str]:
        """Names of the splits that PairExampleGen writes."""
        return list(dict.fromkeys(self.layout.split_values.values()) or self.shares or self.globs)

    @property
    def globs(self) -> Mapping[str, str]:
        """Name in `splits` -> glob under `shards`."""
        return {"all": self.layout.glob} if self.splits is None else self.splits

    @property
    def shares(self) -> Mapping[str, int]:
        """Split name -> share of the one pile; empty where the files or the records say their split."""
        if self.hash_split is not None:
            return self.hash_split
        return {} if self.layout.split_values or len(self.globs) > 1 else self.DEFAULT_HASH_SPLIT

    def shares_of(self, entry: str) -> dict[str, int]:
        """Returns split name -> share, for the splits that an entry of `splits` is written to."""
        return dict.fromkeys(self.split_names, 1) if self.layout.split_values else dict(self.shares) or {entry: 1}

    @functools.cached_property
    def fields(self) -> Fields:
        """The fields that captions, language, class and names come from, by format where they are not set."""
        own, captions = self.layout.defaults, self.layout.captions if self.captions is None else self.captions
        return Fields(
            captions={name: language_tag(tag) or tag for name, tag in captions.items()},
            language=(own.get("language_field") if self.language_field is None else self.language_field) or None,
            label=self.label_field or None,
            url=(own.get("url_field") if self.url_field is None else self.url_field) or None,
            key=self.key_field or None,
        )

    @property
    def image_column(self) -> str:
        """Name of the column or feature that holds the image or its path, in a format that has such."""
        return self.image_field or self.layout.defaults["image_field"]

    @property
    def folder_of_images(self) -> str:
        """Returns the folder that the images' paths start from."""
        return self.image_folder or self.shards

    @property
    def images_beside(self) -> bool:
        """Whether the images' paths start from the folder of the file that names them."""
        return self.layout.images_beside or self.paths_relative_to == "table"

    @property
    def named_fields(self) -> list[str]:
        """Names of the fields that are read."""
        captions, *others = self.fields
        images = [self.image_column] if "image_field" in self.layout.uses else []
        return [name for name in dict.fromkeys((*captions, *others, *images)) if name]

    def _refuse_what_the_format_ignores(self) -> None:
        for name in _OF_SOME_FORMATS:
            if getattr(self, name) and name not in self.layout.uses:
                users = ", ".join(key for key, layout in FORMATS.items() if name in layout.uses)
                raise ValueError(
                    f"{self.section}.{name} is {getattr(self, name)!r}, which {self.section}.format {self.format!r} "
                    f"has no use for; leave it out, or set the format to one of {users}"
                )
        if self.image_folder and self.paths_relative_to:
            raise ValueError(f"{self.section} has both image_folder and paths_relative_to; leave one of them out")
        if self.key_field and "metadata" in self.layout.uses and not self.metadata:
            said = f"{self.section}.key_field is {self.key_field!r}"
            raise ValueError(f"{said} without {self.section}.metadata; name the files to join")
        if self.metadata and not self.fields.key and not self.fields.url:
            raise ValueError(
                f"{self.section}.url_field is false, by which {self.section}.metadata is joined; leave it out, or set "
                f"{self.section}.key_field"
            )

    def _check_splits(self) -> None:
        if not self.globs:
            raise ValueError(f'{self.section}.splits is empty; name at least one glob, such as {{"all": "*.tar"}}')
        divided = len(self.globs) == 1
        if self.layout.split_values:
            if not divided or self.shares:
                name = "hash_split" if divided else "splits"
                raise ValueError(
                    f"{self.section}.{name} is {dict(getattr(self, name))}, but in {self.section}.format "
                    f"{self.format!r} each record names its split; leave hash_split out and give splits a single glob"
                )
            return
        if divided and not self.shares:
            raise ValueError(
                f"{self.section}.hash_split is empty but {self.section}.splits has the single entry "
                f"{list(self.globs)}; give shares such as {dict(self.DEFAULT_HASH_SPLIT)}"
            )
        if not divided and self.shares:
            raise ValueError(
                f"{self.section}.hash_split is {dict(self.shares)} but {self.section}.splits already names "
                f"{list(self.globs)}; set hash_split to null or give a single glob"
            )
        if not set(self.needed_splits) & set(self.split_names):
            raise ValueError(f'{self.section} names the splits {self.split_names}; one of them must be "train"')
        for name, weight in self.shares.items():
            if weight < 1:
                raise ValueError(f"{self.section}.hash_split[{name!r}] is {weight}; a share must be at least 1")

    def _check_captions(self) -> None:
        captions = self.fields.captions
        if not captions or "" in captions:
            raise ValueError(
                f"{self.section}.captions is {dict(captions)}; name at least one caption field, none of them without a "
                'name, such as {"txt": "und"}'
            )
        for name, tag in captions.items():
            if language_tag(tag) is None:
                raise ValueError(
                    f"{self.section}.captions[{name!r}] is {tag!r}, which is no language tag; give one of BCP 47, such "
                    'as "en" or "zh-Hant", or "und" where the language is not known'
                )


@dataclass(frozen=True)
class EvaluationSetConfig(IngestConfig):
    """Images that models will be judged on elsewhere, of which PairFilter leaves none in the train split.

    It is read as IngestConfig says, except that it needs no split "train" and is by default one split, "test".

    Attributes:
      name: the set's key in `evaluation_sets`, in lower-case letters, digits and hyphens.
    """

    DEFAULT_HASH_SPLIT: ClassVar[Mapping[str, int]] = {"test": 1}

    name: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.name):
            raise ValueError(
                f"evaluation_sets has the key {self.name!r}; name a set in lower-case letters, digits and hyphens, "
                "such as 'coco'"
            )
        super().__post_init__()
        if not self.shards:
            raise ValueError(f"{self.section}.shards is empty; set it to the folder that holds the set's files")

    @property
    def section(self) -> str:
        """Where messages say that these settings stand."""
        return f"evaluation_sets.{self.name}"

    @property
    def needed_splits(self) -> list[str]:
        """Names of the splits of which one at least must hold an image."""
        return self.split_names


def read_config(text: str) -> IngestConfig:
    """Returns the config that `to_json` wrote, of either class."""
    fields = json.loads(text)
    section = f"evaluation_sets.{fields['name']}" if "name" in fields else "ingest"
    return build_fields(EvaluationSetConfig if "name" in fields else IngestConfig, fields, section)
