"""eccv-caption's ground truth as index pairs, and what it says of rankings.

Started by compare.py in the environment of environments.py, with a folder and what to do:
  ground-truth   writes truth.npz into the folder
  scores         reads rankings.npz there as well

A few right answers of ECCV Caption are in no gallery of COCO-5K. Nothing can rank them, so they are left out on both
sides.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from eccv_caption import Metrics, _metrics

RECALL_AT = (1, 5, 10)
_metrics.tqdm = lambda rows, **_: rows  # no progress bars between the figures
Answers = dict[int, list[int]]  # id that asks -> ids that are right


def main() -> None:
    folder, task = Path(sys.argv[1]), sys.argv[2]
    metrics = Metrics()
    captions = [int(caption) for caption in metrics.coco_ids]
    owner = [metrics.coco_gts["t2i"][caption][0] for caption in captions]
    images = list(dict.fromkeys(owner))
    gallery = {"i2t": (images, captions), "t2i": (captions, images)}
    truth = {
        (name, way): _in_gallery(answers[way], *gallery[way])
        for name, answers in (("coco", metrics.coco_gts), ("cxc", metrics.cxc_gts), ("eccv", metrics.eccv_gts))
        for way in gallery
    }
    if task == "ground-truth":
        pairs = {f"{name}_{way}": _pairs(answers, *gallery[way]) for (name, way), answers in truth.items()}
        place = {image: index for index, image in enumerate(images)}
        owners = np.array([place[image] for image in owner])
        np.savez(folder / "truth.npz", image_ids=images, caption_ids=captions, owner=owners, **pairs)
        print("{}")
        return
    rankings = np.load(folder / "rankings.npz")
    told = {}
    for (name, way), answers in truth.items():
        asking, answering = gallery[way]
        ids = np.array(answering)
        ranked = {query: ids[row].tolist() for query, row in zip(asking, rankings[way], strict=True)}
        told |= {f"{name}_{way}@{k}": float(_metrics.compute_r_at_k(ranked, answers, K=k)) for k in RECALL_AT}
        told[f"{name}_{way}_map_at_r"] = float(_metrics.compute_eccv_metrics(ranked, answers)["eccv_map_at_r"])
    print(json.dumps(told))


def _in_gallery(answers: Answers, asking: list[int], answering: list[int]) -> Answers:
    """Returns the right answers that are in the gallery, of queries that have one."""
    there, known = set(answering), set(asking)
    kept = {query: [one for one in right if one in there] for query, right in answers.items() if query in known}
    return {query: right for query, right in kept.items() if right}


def _pairs(answers: Answers, asking: list[int], answering: list[int]) -> np.ndarray:
    """Returns [P, 2] indices (row that asks, row that is right)."""
    row, column = ({one: index for index, one in enumerate(ids)} for ids in (asking, answering))
    return np.array([(row[query], column[one]) for query, right in answers.items() for one in right])


if __name__ == "__main__":
    main()
