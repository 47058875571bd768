"""The images of a run, as `align query` searches them: read from its Examples, embedded once, kept as an index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components import schema
from tfx_pipeline.config import ConfigError
from tfx_pipeline.run_record import read_record

if TYPE_CHECKING:
    import numpy as np

    from serving.embedder import Embedder
    from serving.search import ImageIndex

FILTER_COMPONENT = "PairFilter"  # its output is what the model was trained and judged on
SPLIT_PREFIX = "Split-"
IMAGES_AT_ONCE = 64


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
    for run_dir in sorted((root / "runs").glob("*"), reverse=True):
        examples = read_record(run_dir).output(FILTER_COMPONENT, "examples")
        if examples is not None and examples.is_dir():
            return examples
    raise ConfigError(f"{root} holds no run that got past {FILTER_COMPONENT}, so there are no images; run `align run`")


def read_corpus(examples: Path) -> Iterator[CorpusImage]:
    """Yields the images of an Examples artifact, split by split, always in the same order."""
    for folder in sorted(examples.glob(f"{SPLIT_PREFIX}*")):
        yield from read_split(examples, folder.name.removeprefix(SPLIT_PREFIX))


def read_split(examples: Path, split: str) -> Iterator[CorpusImage]:
    """Yields the images of one split, always in the same order; none where the split does not exist."""
    import tensorflow as tf

    for path in sorted((examples / f"{SPLIT_PREFIX}{split}").glob("*.gz")):
        for record in tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator():
            feature = tf.train.Example.FromString(record).features.feature
            captions = feature[schema.CAPTION_TEXT].bytes_list.value
            yield CorpusImage(
                split=split,
                record=feature[schema.RECORD_NAME].bytes_list.value[0].decode(errors="replace"),
                captions=tuple(caption.decode(errors="replace") for caption in captions),
                label=b"".join(feature[schema.CLASS_LABEL].bytes_list.value).decode(errors="replace"),
                encoded=feature[schema.IMAGE_ENCODED].bytes_list.value[0],
            )


def corpus_index(examples: Path, embedder: Embedder, cache: Path, announce: Callable[[str], None]) -> ImageIndex:
    """Returns the index of a corpus, in the order of `read_corpus`; from `cache` where it has been made before.

    Args:
      examples: the Examples artifact's folder.
      embedder: of the model that the queries will be encoded with.
      cache: the index's file, named after model and Examples.
      announce: takes a sentence on what is being done.

    Raises:
      ConfigError: when the Examples hold no image.
    """
    from serving.search import ImageIndex

    try:
        return ImageIndex.load(cache)
    except FileNotFoundError:
        announce("Encoding the images of this run, once for this model.")
    except ValueError:
        announce(f"{cache} is damaged; encoding the images again.")
    names, vectors = _embed(examples, embedder)
    index = ImageIndex(names, vectors)
    index.save(cache)
    return index


def _embed(examples: Path, embedder: Embedder) -> tuple[list[str], np.ndarray]:
    import numpy as np

    names: list[str] = []
    vectors: list[np.ndarray] = []
    waiting: list[bytes] = []
    for image in read_corpus(examples):
        names.append(image.name)
        waiting.append(image.encoded)
        if len(waiting) == IMAGES_AT_ONCE:
            vectors.append(embedder.encode_image(waiting))
            waiting = []
    if waiting:
        vectors.append(embedder.encode_image(waiting))
    if not vectors:
        raise ConfigError(f"{examples} holds no image; run `align run` on data that survives the filter")
    return names, np.concatenate(vectors)  # [N, D]
