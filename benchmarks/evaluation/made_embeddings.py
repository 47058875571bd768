"""Made embeddings of images and their captions: caption = image + noise, so that recalls lie between chance and 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np

NOISE = 8.0  # length of a caption's noise beside its image: R@1 of about a half among thousands of images
ROWS_PER_CHUNK = 4096


def unit(rows: np.ndarray) -> np.ndarray:
    """Returns rows of length 1, float32."""
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def write(folder: Path, *, images: int, captions_per_image: int, dimension: int, seed: int = 0) -> None:
    """Write images.npy [N, D] and captions.npy [M, D], those of image 0 first, holding a chunk at a time."""
    rng = np.random.default_rng(seed)
    shapes = {"images": (images, dimension), "captions": (images * captions_per_image, dimension)}
    files = {
        name: np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, shape)
        for name, shape in shapes.items()
    }
    for start in range(0, images, ROWS_PER_CHUNK):
        rows = unit(rng.standard_normal((min(ROWS_PER_CHUNK, images - start), dimension), np.float32))
        files["images"][start : start + len(rows)] = rows
        noise = unit(rng.standard_normal((len(rows), captions_per_image, dimension), np.float32))
        captions = unit(rows[:, None] + NOISE * noise).reshape(-1, dimension)
        files["captions"][start * captions_per_image :][: len(captions)] = captions
    for file in files.values():
        file.flush()
