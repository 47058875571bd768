"""Draws the images of a corpus: cuttings of the demo's pictures before backgrounds with the spectrum of photographs."""

from __future__ import annotations

import functools
import io
import tarfile

import numpy as np
from PIL import Image

from benchmarks.pairs.encoded import Encoded
from benchmarks.pairs.plan import Corpus, Pair, Shown
from benchmarks.shared.checkout import ROOT

SHARDS = ROOT / "demo" / "shards" / "train"
CUTTINGS = 600  # of the demo's pictures, which is plenty, and read in a second
SHORTER_SIDE_PX = {"usual": (210, 400), "evaluation": (256, 400), "too_small": (150, 200), "too_long": (201, 209)}
LONGER_SIDE_PX = 640  # at most, and that of all that are too long: their ratio is above 3
RATIOS = (1.0, 1.0, 1.25, 4 / 3, 4 / 3, 1.5, 1.5, 16 / 9, 2.2)
_OCTAVES = (
    (4, 70),
    (9, 40),
    (24, 26),
    (70, 18),
)  # (cells a side, contrast): as in photographs
_GRAIN = 6
_GRAPHIC_SHARE = 0.06  # flat pictures, in PNG
_PROGRESSIVE_SHARE = 0.1


class Photos:
    """Draws pictures that differ; the same corpus and pair give the same bytes."""

    def __init__(self, corpus: Corpus) -> None:
        self._seed = corpus.seed

    def draw(self, pair: Pair) -> Encoded:
        """Returns the image of a pair, undamaged."""
        shown = pair.shown
        chance = np.random.default_rng([self._seed, shown.number + 1])
        image, extension = self._picture(shown, chance)
        options = {"quality": int(chance.integers(75, 96)), "progressive": chance.random() < _PROGRESSIVE_SHARE}
        if shown.recoded is not None:
            chance = np.random.default_rng([self._seed, shown.number + 1, shown.recoded])
            image = _resized(image, chance)
            extension = "png" if chance.random() < 0.1 else "jpg"
            options = {"quality": int(chance.integers(60, 96)), "progressive": False}
        return _encode(image, extension, options)

    def _picture(self, shown: Shown, chance: np.random.Generator) -> tuple[Image.Image, str]:
        size = _size(shown.shape, chance)
        if chance.random() < _GRAPHIC_SHARE:
            image = Image.new("RGB", size, tuple(chance.integers(120, 256, 3).tolist()))
            extension = "png"
        else:
            image, extension = _background(size, chance), "jpg"
        for _ in range(chance.integers(1, 5)):
            _paste_cutting(image, chance)
        return image, extension


def _size(shape: str, chance: np.random.Generator) -> tuple[int, int]:
    shorter = int(chance.integers(*SHORTER_SIDE_PX[shape], endpoint=True))
    longer = LONGER_SIDE_PX if shape == "too_long" else min(int(shorter * chance.choice(RATIOS)), LONGER_SIDE_PX)
    return (longer, shorter) if chance.random() < 0.6 else (shorter, longer)


def _background(size: tuple[int, int], chance: np.random.Generator) -> Image.Image:
    pixels = np.full((size[1], size[0], 3), chance.uniform(90, 160), np.float32)
    for cells, contrast in _OCTAVES:
        light, colour = chance.integers(0, 256, (cells, cells, 1)), chance.integers(0, 256, (cells, cells, 3))
        noise = Image.fromarray(((3 * light + colour) // 4).astype(np.uint8))  # photographs differ more in light
        smooth = np.asarray(noise.resize(size, Image.Resampling.BICUBIC), np.float32)
        pixels += (smooth - 128) * (contrast / 128)
    pixels += chance.integers(-_GRAIN, _GRAIN, (size[1], size[0], 1), np.int8, endpoint=True)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _paste_cutting(image: Image.Image, chance: np.random.Generator) -> None:
    cuttings = _cuttings()
    side = int(min(image.size) * chance.uniform(0.15, 0.6))
    cutting = cuttings[chance.integers(len(cuttings))].rotate(chance.uniform(-40, 40)).resize((side, side))
    place = tuple(int(chance.integers(0, whole - side // 2)) for whole in image.size)
    image.paste(cutting, place, cutting)


@functools.cache
def _cuttings() -> list[Image.Image]:
    found: list[Image.Image] = []
    for shard in sorted(SHARDS.glob("*.tar.gz")):
        with tarfile.open(shard) as tar:
            for member in tar:
                content = tar.extractfile(member)
                if len(found) < CUTTINGS and content and member.name.endswith(".png"):
                    found.append(Image.open(io.BytesIO(content.read())).convert("RGBA"))
    return found


def _resized(image: Image.Image, chance: np.random.Generator) -> Image.Image:
    """Shrink a picture, but not below what the filter would drop for its size."""
    factor = max(chance.uniform(0.6, 1.0), (SHORTER_SIDE_PX["usual"][0] + 1) / min(image.size))
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)


def _encode(image: Image.Image, extension: str, options: dict) -> Encoded:
    buffer = io.BytesIO()
    if extension == "png":
        image.save(buffer, "PNG", compress_level=4)
    else:
        image.save(buffer, "JPEG", **options)
    return Encoded(buffer.getvalue(), extension, *image.size)
