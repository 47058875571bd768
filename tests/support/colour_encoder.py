"""A dual encoder whose vectors can be worked out by hand: red, green, blue and a constant. It notes what it is asked.

As a command's model it is `colour_encoder:encoder`. COLOUR_LOG names a file that gets a line a call, "image 64";
COLOUR_DIES_AT the number of the call with images at which the process kills itself, as kill -9 does.
"""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Sequence

import numpy as np
from PIL import Image

CONSTANT = 0.1
WORDS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}


def picture(red: int, green: int, blue: int) -> bytes:
    """Returns a PNG of one colour, each part from 0 to 255."""
    file = io.BytesIO()
    Image.new("RGB", (2, 2), (red, green, blue)).save(file, "PNG")
    return file.getvalue()


class ColourEncoder:
    """An image is its mean colour, a text the sum of the colours that it names."""

    fingerprint = "colours"

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        self._note("image", len(images))
        calls = sum(kind == "image" for kind, _ in self.asked)
        if os.environ.get("COLOUR_DIES_AT") == str(calls):
            os.kill(os.getpid(), signal.SIGKILL)
        pixels = [np.asarray(Image.open(io.BytesIO(image)).convert("RGB"), float) for image in images]
        return _unit([each.mean(axis=(0, 1)) / 255 for each in pixels])

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        self._note("text", len(texts))
        return _unit([np.sum([WORDS.get(word, (0, 0, 0)) for word in text.split()], axis=0) for text in texts])

    def _note(self, kind: str, inputs: int) -> None:
        self.asked.append((kind, inputs))
        if log := os.environ.get("COLOUR_LOG"):
            with open(log, "a", encoding="utf-8") as file:
                file.write(f"{kind} {inputs}\n")


def _unit(colours: Sequence[np.ndarray]) -> np.ndarray:
    padded = np.array([[*colour, CONSTANT] for colour in colours])
    return (padded / np.linalg.norm(padded, axis=1, keepdims=True)).astype(np.float32)


encoder = ColourEncoder()
