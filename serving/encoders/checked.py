"""An encoder whose every answer is looked at, so that a wrong vector ends in a sentence and never in a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serving.encoders.encoder import EncodeError, Encoder
from serving.signatures import ENCODE_IMAGE, ENCODE_TEXT

LENGTH_TOLERANCE = 1e-3  # of a unit vector that was computed in half precision


class CheckedEncoder:
    """Passes an encoder's answers on, each looked at: [N, D] float32, unit rows, one D for both towers.

    Examples:
      >>> from serving.encoders.python_object import ObjectEncoder
      >>> class Halves:
      ...     encode_image = encode_text = lambda self, values: [[0.5, 0.0]] * len(values)
      >>> CheckedEncoder(ObjectEncoder(Halves(), "h")).encode_text(["a"])
      Traceback (most recent call last):
      serving.encoders.encoder.EncodeError: h: row 0 of encode_text has the length 0.5; divide each row by its length
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._dimensions: dict[str, int] = {}  # by signature

    @property
    def name(self) -> str:
        """The encoder's own."""
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        """The encoder's own; raises EncodeError."""
        return self._encoder.fingerprint

    @property
    def temperature(self) -> float | None:
        """The encoder's own; raises EncodeError where that is no number above 0."""
        said = self._encoder.temperature
        if said is not None and not (isinstance(said, (int, float)) and said > 0):
            self._refuse(f"temperature is {said!r}; cosines are divided by it, so it is a number above 0")
        return said

    @property
    def is_lasting(self) -> bool:
        """The encoder's own."""
        return self._encoder.is_lasting

    def confirm(self) -> None:
        """Ask the encoder to; raises EncodeError."""
        self._encoder.confirm()

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        """Encode N images into [N, D] float32, unit rows; raises EncodeError."""
        return self._checked(ENCODE_IMAGE, self._encoder.encode_image(images), len(images))

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Encode N texts into [N, D] float32, unit rows; raises EncodeError."""
        return self._checked(ENCODE_TEXT, self._encoder.encode_text(texts), len(texts))

    def _checked(self, signature: str, vectors: np.ndarray, count: int) -> np.ndarray:
        if vectors.dtype != np.float32 or vectors.ndim != 2 or len(vectors) != count or not vectors.shape[1]:
            self._refuse(
                f"{signature} gave {vectors.dtype} {list(vectors.shape)} for {count} inputs; "
                f"it must give float32 [{count}, D], a row an input"
            )
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)  # [N]
        broken = np.flatnonzero(~np.isfinite(lengths))
        if broken.size:
            self._refuse(f"row {broken[0]} of {signature} holds NaN or infinity; the model's weights are damaged")
        long = np.flatnonzero(np.abs(lengths - 1) > LENGTH_TOLERANCE)
        if long.size:
            length = f"{lengths[long[0]]:.6g}"
            self._refuse(f"row {long[0]} of {signature} has the length {length}; divide each row by its length")
        self._dimensions[signature] = vectors.shape[1]
        if len(set(self._dimensions.values())) > 1:
            image, text = self._dimensions[ENCODE_IMAGE], self._dimensions[ENCODE_TEXT]
            self._refuse(
                f"{ENCODE_IMAGE} gives vectors of {image} numbers, {ENCODE_TEXT} of {text}; "
                "both towers must embed into one space"
            )
        return vectors

    def _refuse(self, why: str) -> None:
        raise EncodeError(f"{self.name}: {why}")
