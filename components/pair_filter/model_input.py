"""From an encoded image to the numbers that a model takes."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from components.pair_filter.model_config import ImageModelConfig

_IMAGENET_MEAN = np.array((0.485, 0.456, 0.406), np.float32)  # as torchvision and timm state them
_IMAGENET_DEVIATION = np.array((0.229, 0.224, 0.225), np.float32)


def decode_square(encoded: bytes, side: int) -> np.ndarray | None:
    """Decode an image at reduced scale and squeeze it into a square.

    A JPEG is decoded at the least scale of 1, 1/2, 1/4, 1/8 that is not below the square. Transparency is left out, as
    training leaves it out.

    Args:
      encoded: the image as it stands in its file.
      side: pixels.

    Returns:
      [side, side, 3] uint8 RGB, or None where Pillow does not decode it.
    """
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            image.draft("RGB", (side, side))
            if image.mode.startswith("I"):  # 16 bits of grey, which Pillow's own conversion clips to white
                grey = np.clip(np.asarray(image) >> 8, 0, 255).astype(np.uint8)
                rgb = Image.fromarray(grey).convert("RGB")
            else:
                rgb = image.convert("RGB")
            return np.asarray(rgb.resize((side, side), Image.Resampling.BILINEAR))
    except Exception:  # a damaged file makes Pillow's decoders raise nearly anything
        return None


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
