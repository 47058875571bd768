"""The files that a shard of embeddings is kept in, aside, while a model is judged; one is the grain of memory.

```
<folder>/
  shard-<file>-<part>.known.json      the class and the source of each image
  shard-<file>-<part>.<model>.images  an ImageShard as .npz; <model> is its number
  shard-<file>-<part>.<model>.captions  a CaptionShard as .npz
```
"""

from __future__ import annotations

import dataclasses
import io
import json
import posixpath
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np

from components.beam import whole_files
from components.evaluator.sharded.counting import CaptionShard, ImageShard
from components.evaluator.sharded.sums import Known

T = TypeVar("T", ImageShard, CaptionShard)


class Shard(NamedTuple):
    """Some images of one file of Examples, with their captions.

    Attributes:
      path: what the names of its files begin with.
      images: how many they are.
    """

    path: str
    images: int


def path_of(folder: str, file: int, part: int) -> str:
    """Returns the path of a part of a file of Examples; a second attempt writes the same one."""
    return posixpath.join(folder, f"shard-{file:06d}-{part:04d}")


def read_images(path: str, model: int) -> ImageShard:
    """Returns the images of a shard as one of the models sees them."""
    return _read(ImageShard, f"{path}.{model}.images")


def read_captions(path: str, model: int) -> CaptionShard:
    """Returns the captions of a shard as one of the models sees them."""
    return _read(CaptionShard, f"{path}.{model}.captions")


def read_known(path: str) -> Known:
    """Returns what is known of the images of a shard whatever the model."""
    return Known(**json.loads(whole_files.read_bytes(f"{path}.known.json")))


def write_shard(path: str, made: Mapping[int, tuple[ImageShard, CaptionShard]], known: Known) -> None:
    """Write the files of a shard, each aside and then renamed; `made` is by the model's number."""
    for model, (images, captions) in made.items():
        _write(f"{path}.{model}.images", images)
        _write(f"{path}.{model}.captions", captions)
    whole_files.write_json(f"{path}.known.json", dataclasses.asdict(known))


def _write(path: str, shard: ImageShard | CaptionShard) -> None:
    with whole_files.created(path) as file:
        np.savez(file, **vars(shard))


def _read(kind: type[T], path: str) -> T:
    with np.load(io.BytesIO(whole_files.read_bytes(path))) as arrays:
        found: dict[str, Any] = dict(arrays)
    return kind(**found)
