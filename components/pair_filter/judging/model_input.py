"""From an encoded image to the numbers that a model takes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from components.pair_filter.model_config import ImageModelConfig
from serving.pictures import PictureError, View

_IMAGENET_MEAN = np.array((0.485, 0.456, 0.406), np.float32)  # as torchvision and timm state them
_IMAGENET_DEVIATION = np.array((0.229, 0.224, 0.225), np.float32)


def decode_square(encoded: bytes, side: int) -> np.ndarray | None:
    """Decode an image at reduced scale and squeeze it into a square.

    A JPEG is decoded at the least scale of 1, 1/2, 1/4, 1/8 that is not below the square. The image is upright and on
    white, as training sees it.

    Args:
      encoded: the image as it stands in its file.
      side: pixels.

    Returns:
      [side, side, 3] uint8 RGB, or None where Pillow does not decode it.
    """
    try:
        seen = View(encoded).pixels("RGB", side)
    except PictureError:
        return None
    return np.asarray(seen.resize((side, side), Image.Resampling.BILINEAR))


def scaled(pixels: np.ndarray, config: ImageModelConfig) -> np.ndarray:
    """Bring pixels to the scale and layout of a model.

    Args:
      pixels: [B, side, side, 3] uint8.
      config: the model's.

    Returns:
      [B, side, side, 3] or, for "nchw", [B, 3, side, side]; uint8 where the scale is "bytes", else float32.
    """
    if config.scale == "minus_one_to_one":
        values = pixels.astype(np.float32) / np.float32(127.5) - np.float32(1)
    elif config.scale == "zero_to_one":
        values = pixels.astype(np.float32) / np.float32(255)
    elif config.scale == "imagenet":
        values = (pixels.astype(np.float32) / np.float32(255) - _IMAGENET_MEAN) / _IMAGENET_DEVIATION
    else:
        values = pixels
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2)) if config.layout == "nchw" else values
