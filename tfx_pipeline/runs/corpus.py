"""The images of a run, read from the Examples that its PairFilter wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components import schema
from components.artifact_files import split_folder
from components.component_ids import PAIR_FILTER
from components.files.example_files import read_payloads
from components.files.tf_example import Example
from tfx_pipeline.runs.folders import RUNS
from tfx_pipeline.runs.run_record import read_record
from tfx_pipeline.settings.config import ConfigError


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
        for payload in read_payloads(str(path)):
            yield _image(split, payload)


def _files(examples: Path, split: str) -> list[Path]:
    return sorted((examples / split_folder(split)).glob("*.gz"))


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
