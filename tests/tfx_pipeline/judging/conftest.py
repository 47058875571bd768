"""A data set of colours in a folder for each class, and one of captions, with suites over them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from colour_encoder import picture

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


def shade(name: str, rng: np.random.Generator) -> bytes:
    """Returns a picture of about a colour, no two alike."""
    return picture(*(int(np.clip(part * 0.7 + rng.integers(0, 60), 0, 255)) for part in COLOURS[name]))


@pytest.fixture
def suite(tmp_path) -> Path:
    """A suite of 30 pictures in class folders, and 60 to learn from."""
    rng = np.random.default_rng(0)
    for part, each in (("test", 10), ("train", 20)):
        for name in COLOURS:
            folder = tmp_path / "own" / part / name
            folder.mkdir(parents=True)
            for number in range(each):
                (folder / f"{name}{number}.png").write_bytes(shade(name, rng))
    path = tmp_path / "own" / "suite.yaml"
    path.write_text("folders:\n  colours: {images: test, train: train, templates: ['{}', 'a {} thing']}\n")
    return path


@pytest.fixture
def suite_with_pairs(suite) -> Path:
    """The same with 12 pictures that have captions in two languages."""
    rng = np.random.default_rng(1)
    pairs = suite.parent / "pairs"
    pairs.mkdir()
    rows = []
    for number in range(12):
        name = [*COLOURS][number % 3]
        (pairs / f"{number}.png").write_bytes(shade(name, rng))
        rows.append({"image": f"{number}.png", "en": f"{name} thing {number}", "de": f"Ding {number} {name}"})
    (pairs / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    with suite.open("a", encoding="utf-8") as file:
        file.write("pairs:\n  things: {shards: pairs, format: jsonl, image_field: image, captions: {en: en, de: de}}\n")
    return suite
