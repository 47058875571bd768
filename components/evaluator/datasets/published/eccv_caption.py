"""ECCV Caption: right answers on MSCOCO's test split that people found among what five models ranked first.

The package `eccv-caption` ships them, beside those of MSCOCO and of CxC. Only some images and captions ask, other ones
each way. Reference: https://github.com/naver-ai/eccv-caption, arXiv:2204.03359
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSetError, Indices, PositivesSet
from components.evaluator.datasets.published.karpathy import COCO, COCO_LAYOUT, GET_COCO, read_coco

NOT_IN_THE_GALLERY = "answer_not_in_gallery"  # the reason for which a right answer is left out
Truth = Literal["original", "cxc", "eccv"]


def read_truth(root: Path, truth: Truth) -> PositivesSet:
    """Read MSCOCO's test split with one of the three lists of right answers.

    A right answer that is not in the gallery of 25,000 captions is counted and left out: of the published lists, 2.

    Args:
      root: the data root.
      truth: "original" for each image's own captions, "cxc" or "eccv".

    Raises:
      DataSetError: the lists name an image or a caption that asks and is not in MSCOCO's test split.
    """
    coco = read_coco(root, "test")
    image = {number: index for index, number in enumerate(coco.coco_ids)}
    caption = {number: index for index, number in enumerate(coco.sentence_ids)}
    skipped: Counter[str] = Counter()
    to_text = _pairs(f"{truth}_image_to_caption.json", image, caption, skipped)
    to_image = _pairs(f"{truth}_caption_to_image.json", caption, image, skipped)
    return PositivesSet(dataclasses.replace(coco.pairs, skipped=skipped), to_text, to_image)


def _pairs(name: str, asking: Mapping[int, int], answering: Mapping[int, int], skipped: Counter[str]) -> Indices:
    found = importlib.util.find_spec("eccv_caption")
    if found is None or found.origin is None:
        raise DataSetError("the Python package eccv-caption is not installed; pip install eccv-caption")
    path = Path(found.origin).parent / "data" / name
    try:
        answers: dict[str, list[int]] = json.loads(path.read_text(encoding="utf-8"))
        pairs = [(asking[int(query)], answering.get(right)) for query, rights in answers.items() for right in rights]
    except KeyError as error:
        raise DataSetError(f"{path} names {error}, which is not in the test split of {COCO.name}") from error
    known = [pair for pair in pairs if pair[1] is not None]
    if len(known) < len(pairs):
        skipped[NOT_IN_THE_GALLERY] += len(pairs) - len(known)
    return np.array(known, np.int64).reshape(-1, 2)


ENTRIES = (
    Entry(
        name="eccv-caption",
        about="ECCV Caption on MSCOCO's test split: 1261 images and 1332 captions ask, with many right answers each",
        kind="positives",
        metrics=("i2t_map_at_r", "t2i_map_at_r", "i2t_recall_at_1", "t2i_recall_at_1"),
        layout=(),
        shared=COCO_LAYOUT,
        where=f"pip install eccv-caption; for the captions and images, {GET_COCO}",
        read=functools.partial(read_truth, truth="eccv"),
        packages={"eccv_caption": "eccv-caption"},
    ),
)
