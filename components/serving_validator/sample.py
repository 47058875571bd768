"""The pictures and texts that a candidate is asked about: made here, so that nothing of the data is read for them.

On a cluster a component's inputs are downloaded whole, and these few need no data set. They are the same for each
candidate, so that latencies of two models can be compared.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

TEXTS = ("a photo of a red car", "two green dogs in the blue sea", "zwei Hunde im Schnee", "北京的猫 No. 7", "é", "")
BROKEN_PICTURE = b"\xff\xd8\xff\xe0 is how a JPEG begins, and this is none"
_WIDTH_PX, _HEIGHT_PX = 640, 480
_FORMATS = ("JPEG", "PNG", "GIF", "BMP")


def pictures() -> list[bytes]:
    """Returns a picture of 640 x 480 px in each format that the model takes, a JPEG first, and one of a single pixel.

    They are waves in three colours under a little noise, so that a JPEG has about the bytes of a photograph.
    """
    rows, columns = np.mgrid[0:_HEIGHT_PX, 0:_WIDTH_PX]
    waves = [np.sin(rows / 23), np.sin(columns / 31), np.sin((rows + columns) / 47)]
    noise = np.random.default_rng(0).normal(scale=12, size=(_HEIGHT_PX, _WIDTH_PX, 3))
    pixels = np.clip(128 + 80 * np.stack(waves, axis=-1) + noise, 0, 255).astype(np.uint8)
    shown = [(np.roll(pixels, turn, axis=-1), name) for turn, name in enumerate(_FORMATS)]
    return [_encoded(each, name) for each, name in (*shown, (pixels[:1, :1], "PNG"))]


def _encoded(pixels: np.ndarray, name: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, name)
    return file.getvalue()
