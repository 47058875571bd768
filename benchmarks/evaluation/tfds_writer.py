"""Writes two small sets by TensorFlow Datasets, and what it reads from parts of them, beside them as .npz files.

Started by benchmarks.evaluation.tfds_files in the package's own environment: FOLDER
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

PARTS = (("train", 0, 40), ("train", 7, 31), ("train", 39, 40), ("validation", 0, 9))


class Shapes(tfds.core.GeneratorBasedBuilder):
    """Images with lists of objects, as CLEVR and KITTI have them."""

    VERSION = tfds.core.Version("3.1.0")
    CHANNELS = 3

    def _info(self) -> tfds.core.DatasetInfo:
        objects = {
            "size": tfds.features.ClassLabel(names=["small", "large"]),
            "type": tfds.features.ClassLabel(num_classes=8),
            "pixel_coords": tfds.features.Tensor(shape=(3,), dtype=np.float32),
            "location": tfds.features.Tensor(shape=(3,), dtype=np.float32),
        }
        features = {
            "id": np.int64,
            "image": tfds.features.Image(shape=(None, None, self.CHANNELS)),
            "label": tfds.features.ClassLabel(num_classes=40),
            "objects": tfds.features.Sequence(objects),
        }
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, manager: Any) -> dict[str, Any]:
        return {"train": self._generate_examples(40), "validation": self._generate_examples(9)}

    def _generate_examples(self, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        draw = np.random.default_rng(0)
        for number in range(count):
            objects = [
                {
                    "size": int(draw.integers(2)),
                    "type": int(draw.integers(8)),
                    "pixel_coords": draw.uniform(6, 12, 3).astype(np.float32),
                    "location": draw.uniform(0, 30, 3).astype(np.float32),
                }
                for _ in range(3 + number % 8)
            ]
            image = draw.integers(0, 256, (4, 5, self.CHANNELS), dtype=np.uint8)
            yield number, {"id": number, "image": image, "label": number % 40, "objects": objects}


class GreyShapes(Shapes):
    """The same with one channel, as smallNORB and dSprites have it."""

    CHANNELS = 1


def labels(example: dict[str, Any]) -> dict[str, Any]:
    """Returns VTAB's labels of an Example as its own code makes them."""
    objects = example["objects"]
    nearest = objects["pixel_coords"][:, 2].min()
    vehicles = np.append(objects["location"][:, 2][objects["type"] < 3], np.float32(1000.0)).min()
    return {
        "id": example["id"],
        "image": example["image"],
        "count": len(objects["size"]) - 3,
        "objects": np.max(np.where((np.array([0.0, 8.0, 8.5, 9.0, 9.5, 10.0, 100.0]) - nearest) < 0)),
        "vehicles": np.max(np.where((np.array([-100.0, 8.0, 20.0, 999.0]) - vehicles) < 0)),
        "grouped": np.floor_divide(np.float32(example["label"]), np.float32(2.5)),
    }


def main(folder: str) -> None:
    """Write both sets."""
    for builder in (Shapes(data_dir=folder), GreyShapes(data_dir=folder)):
        builder.download_and_prepare(file_format="tfrecord")
        for split, start, stop in PARTS:
            found = [labels(each) for each in tfds.as_numpy(builder.as_dataset(split=f"{split}[{start}:{stop}]"))]
            columns = {key: np.stack([each[key] for each in found]) for key in found[0]}
            np.savez(Path(folder) / f"{builder.name}-{split}-{start}-{stop}.npz", **columns)


if __name__ == "__main__":
    main(sys.argv[1])
