"""The demo's pictures, which lie in the checkout: `seen` and `unseen` in four languages, and their classes.

Captions, class names and prompts are those that the preset `demo` judges by, in each language's fields.
"""

from __future__ import annotations

import functools
import json
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import ClassSet, DataSetError, PairSet, TrainedSet
from components.evaluator.datasets.pictures import HeldPicture
from components.evaluator.datasets.published.karpathy import RETRIEVAL

CHECKOUT = Path(__file__).resolve().parents[4]
LANGUAGES = {"en": "English", "de": "German", "fr": "French", "cs": "Czech"}
NO_CAPTION = "no_caption"  # the reason for which an image is left out
_PRESET = "tfx_pipeline/presets/demo.yaml"
_CAPTION_FIELDS = ("name", "keywords")  # each with "_" and a language behind it


class Drawing(NamedTuple):
    """A record of a shard: its key, its PNG, and what its JSON says."""

    key: str
    image: bytes
    fields: dict[str, Any]


def read_drawings(checkout: Path, split: str) -> Iterator[Drawing]:
    """Yield the records of a split's shards in order.

    Raises:
      DataSetError: a shard is damaged.
    """
    for shard in sorted((checkout / "demo/shards" / split).glob("*.tar.gz")):
        try:
            with tarfile.open(shard) as archive:
                images: dict[str, bytes] = {}
                for member in archive:
                    key, _, kind = member.name.rpartition(".")
                    content = archive.extractfile(member)
                    if kind == "png" and content:
                        images[key] = content.read()
                    elif kind == "json" and content:
                        yield Drawing(key, images.pop(key), json.loads(content.read()))
        except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, KeyError) as error:
            raise DataSetError(f"{shard} is damaged ({error}); check it out again") from error


def read_pairs(checkout: Path, split: str, language: str) -> PairSet:
    """Read a split with the names and keywords of one language.

    Args:
      checkout: the folder that holds demo/.
      split: "seen" or "unseen".
      language: of LANGUAGES.
    """
    ids, images, captions, counts = [], [], [], []
    skipped: Counter[str] = Counter()
    for drawing in read_drawings(checkout, split):
        texts = [str(drawing.fields.get(f"{field}_{language}", "")).strip() for field in _CAPTION_FIELDS]
        texts = [text for text in texts if text]
        if not texts:
            skipped[NO_CAPTION] += 1
            continue
        ids.append(drawing.key)
        images.append(HeldPicture(drawing.image))
        captions += texts
        counts.append(len(texts))
    return PairSet(
        image_ids=tuple(ids),
        images=tuple(images),
        captions=tuple(captions),
        caption_count=np.array(counts, np.int64),
        languages=(language,) * len(captions),
        skipped=skipped,
    )


def read_classes(checkout: Path) -> TrainedSet:
    """Read the pictures that have a class: those of `train` to learn from, those of `seen` to be judged by."""
    judged = yaml.safe_load((checkout / _PRESET).read_text(encoding="utf-8"))["evaluation"]
    parts = [[drawing for drawing in read_drawings(checkout, split) if drawing.fields["class"]] for split in _PARTS]
    labels = sorted({drawing.fields["class"] for part in parts for drawing in part} | {*judged["class_names"]})
    names = tuple(tuple(judged["class_names"].get(label, (label,))) for label in labels)
    train, test = (
        ClassSet(
            image_ids=tuple(drawing.key for drawing in part),
            images=tuple(HeldPicture(drawing.image) for drawing in part),
            labels=np.array([labels.index(drawing.fields["class"]) for drawing in part], np.int64),
            classes=names,
            templates=tuple(judged["prompts"]),
        )
        for part in parts
    )
    return TrainedSet(train, test)


_PARTS = ("train", "seen")
_WHERE = "it lies in demo/shards of the checkout; check that out again"
ENTRIES = (
    *(
        Entry(
            name=f"demo-{split}-{language}",
            about=f"the demo's {count} pictures of {what}, with names and keywords in {said}",
            kind="pairs",
            metrics=RETRIEVAL,
            layout=(f"demo/shards/{split}/*.tar.gz",),
            where=_WHERE,
            read=functools.partial(read_pairs, split=split, language=language),
            split=split,
            language=language,
            base=CHECKOUT,
        )
        for split, count, what in (("seen", 1440, "concepts that training saw"), ("unseen", 159, "held-out concepts"))
        for language, said in LANGUAGES.items()
    ),
    Entry(
        name="demo-classes",
        about="the demo's pictures of 12 classes: those of train to learn from, those of seen to judge by",
        kind="trained",
        metrics=("top_1", "top_5", "mean_per_class", "knn_top_1", "probe_top_1"),
        layout=(*(f"demo/shards/{split}/*.tar.gz" for split in _PARTS), _PRESET),
        where=_WHERE,
        read=read_classes,
        split="seen",
        base=CHECKOUT,
    ),
)
