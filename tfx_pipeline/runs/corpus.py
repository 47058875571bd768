"""The images of a run, as `align query` searches them: read from its Examples, embedded once, kept as an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from components import schema
from components.artifact_files import split_folder, split_of
from components.component_ids import PAIR_FILTER
from components.files.record_places import Place, placed_records, read_placed
from components.files.tf_example import Example
from tfx_pipeline.runs.folders import RUNS
from tfx_pipeline.runs.run_record import read_record
from tfx_pipeline.settings.config import ConfigError

if TYPE_CHECKING:
    from serving.encoders.encoder import Encoder
    from serving.search.cosine import ImageIndex

IMAGES_AT_ONCE = 64
_FILES, _PLACES = "files", "places"  # what an index notes


@dataclass(frozen=True)
class CorpusImage:
    """One image of the corpus.

    Attributes:
      split: the split it belongs to.
      record: what ingest called it.
      captions: of the image, none where the filter left none.
      label: its class, or "".
      encoded: the image as encoded in its file.
    """

    split: str
    record: str
    captions: tuple[str, ...]
    label: str
    encoded: bytes

    @property
    def caption(self) -> str:
        """Its first caption, or ""."""
        return self.captions[0] if self.captions else ""

    @property
    def name(self) -> str:
        """How the index calls the image."""
        return f"{self.split}/{self.record}"


def newest_examples(root: Path) -> Path:
    """Returns the folder of the Examples that the newest run's PairFilter wrote, or took from the cache.

    Raises:
      ConfigError: when no run got that far.
    """
    for run_dir in sorted((root / RUNS).glob("*"), reverse=True):
        examples = read_record(run_dir).output(PAIR_FILTER, "examples")
        if examples is not None and examples.is_dir():
            return examples
    raise ConfigError(f"{root} holds no run that got past {PAIR_FILTER}, so there are no images; run `align run`")


def read_split(examples: Path, split: str) -> Iterator[CorpusImage]:
    """Yields the images of one split, always in the same order; none where the split does not exist."""
    for path in _files(examples, split):
        for _, payload in placed_records(str(path)):
            yield _image(split, payload)


def corpus_index(examples: Path, encoder: Encoder, cache: Path, announce: Callable[[str], None]) -> ImageIndex:
    """Returns the index of a corpus, which knows where each image stands; from `cache` where it has been made before.

    Args:
      examples: the Examples artifact's folder.
      encoder: of the model that the queries will be encoded with.
      cache: the index's file, named after model and Examples; what the encoder says not to keep is not written.
      announce: takes a sentence on what is being done.

    Returns:
      The index of all images, split by split; `image_at` reads one of them.

    Raises:
      ConfigError: when the Examples hold no image.
      EncodeError: when they cannot be encoded, or another model answers meanwhile.
    """
    from serving.search.cosine import ImageIndex

    files = _describe_files(examples)
    try:
        index = ImageIndex.load(cache)
        if set(index.notes) == {_FILES, _PLACES} and index.notes[_FILES].tolist() == files:
            return index
        announce("The images have changed since their index was made, or it was by an earlier version; encoding them.")
    except FileNotFoundError:
        announce("Encoding the images of this run, once for this model.")
    except ValueError:
        announce(f"{cache} is damaged; encoding the images again.")
    names, vectors, places = _embed(examples, encoder)
    index = ImageIndex(names, vectors, {_FILES: np.array(files, np.str_), _PLACES: places})
    encoder.confirm()
    if encoder.is_lasting:
        index.save(cache)
    else:
        announce(f"{encoder.name} has no fingerprint, so the index is not kept.")
    return index


def image_at(examples: Path, index: ImageIndex, row: int) -> CorpusImage:
    """Read one image of `corpus_index` from where it stands.

    Raises:
      ConfigError: where another image stands there, or none.
    """
    file, number, block, skip = index.notes[_PLACES][row].tolist()
    path = examples / str(index.notes[_FILES][file]).partition("\t")[0]
    try:
        payload = read_placed(str(path), number, None if block < 0 else Place(block, skip))
        image = _image(split_of(path.parent.name), payload)
    except (OSError, ValueError) as error:
        raise ConfigError(f"an image that was found cannot be read ({error}); run `align run` again") from error
    if image.name != index.names[row]:
        raise ConfigError(f"{path} holds {image.name} where {index.names[row]} stood; delete the folder `index`")
    return image


def _splits(examples: Path) -> list[str]:
    return sorted(split_of(folder.name) for folder in examples.glob(split_folder("*")))


def _files(examples: Path, split: str) -> list[Path]:
    return sorted((examples / split_folder(split)).glob("*.gz"))


def _all_files(examples: Path) -> list[Path]:
    return [path for split in _splits(examples) for path in _files(examples, split)]


def _describe_files(examples: Path) -> list[str]:
    """Returns "path<tab>bytes<tab>time" of each file, by which an index knows whether it is still theirs."""
    described = ((path.relative_to(examples), path.stat()) for path in _all_files(examples))
    return [f"{path.as_posix()}\t{stat.st_size}\t{stat.st_mtime_ns}" for path, stat in described]


def _image(split: str, payload: bytes) -> CorpusImage:
    feature = Example.FromString(payload).features.feature
    captions = feature[schema.CAPTION_TEXT].bytes_list.value
    return CorpusImage(
        split=split,
        record=feature[schema.RECORD_NAME].bytes_list.value[0].decode(errors="replace"),
        captions=tuple(caption.decode(errors="replace") for caption in captions),
        label=b"".join(feature[schema.CLASS_LABEL].bytes_list.value).decode(errors="replace"),
        encoded=feature[schema.IMAGE_ENCODED].bytes_list.value[0],
    )


def _embed(examples: Path, encoder: Encoder) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Returns N names, their embeddings [N, D], and [N, 4]: file, number in it, and place, -1 for none."""
    names: list[str] = []
    vectors: list[np.ndarray] = []
    places: list[tuple[int, int, int, int]] = []
    waiting: list[bytes] = []
    for file, path in enumerate(_all_files(examples)):
        split = split_of(path.parent.name)
        for number, (place, payload) in enumerate(placed_records(str(path))):
            image = _image(split, payload)
            names.append(image.name)
            places.append((file, number, *(place or (-1, -1))))
            waiting.append(image.encoded)
            if len(waiting) == IMAGES_AT_ONCE:
                vectors.append(encoder.encode_image(waiting))
                waiting = []
    if waiting:
        vectors.append(encoder.encode_image(waiting))
    if not vectors:
        raise ConfigError(f"{examples} holds no image; run `align run` on data that survives the filter")
    return names, np.concatenate(vectors), np.array(places, np.int64)
