"""An encoder that many threads share: what they ask while it computes is encoded together when it is free."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic

import numpy as np

from serving.encoders.encoder import EncodeError, Encoder, Value


class BatchedEncoder:
    """Passes an encoder on, its calls gathered greedily: nothing waits for a timer, and no two run at once.

    Examples:
      >>> from serving.encoders.opening import encoder_of
      >>> class Halves:
      ...     encode_image = encode_text = lambda self, values: [[0.6, 0.8]] * len(values)
      >>> BatchedEncoder(encoder_of(Halves(), "h")).encode_text(["a", "b"]).shape
      (2, 2)
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name, self.is_lasting = encoder.name, encoder.is_lasting
        self._texts, self._images = _Gathered(encoder.encode_text), _Gathered(encoder.encode_image)

    @property
    def fingerprint(self) -> str:
        """The encoder's own; raises EncodeError."""
        return self._encoder.fingerprint

    @property
    def temperature(self) -> float | None:
        """The encoder's own; raises EncodeError."""
        return self._encoder.temperature

    def confirm(self) -> None:
        """Ask the encoder to; raises EncodeError."""
        self._encoder.confirm()

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        """Encode N images into [N, D] float32, unit rows; raises EncodeError."""
        return self._images(images)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Encode N texts into [N, D] float32, unit rows; raises EncodeError."""
        return self._texts(texts)


class _Gathered(Generic[Value]):
    """One method of an encoder, called for all who wait by the first of them who gets its turn."""

    def __init__(self, encode: Callable[[Sequence[Value]], np.ndarray]) -> None:
        self._encode = encode
        self._turn, self._changing = threading.Lock(), threading.Lock()
        self._waiting: list[tuple[Sequence[Value], Future[np.ndarray]]] = []

    def __call__(self, values: Sequence[Value]) -> np.ndarray:
        own: Future[np.ndarray] = Future()
        with self._changing:
            self._waiting.append((values, own))
        with self._turn:
            if not own.done():
                with self._changing:
                    together, self._waiting = self._waiting, []
                self._run(together)
        return own.result()

    def _run(self, together: Sequence[tuple[Sequence[Value], Future[np.ndarray]]]) -> None:
        """Encode for several; each alone where they fail together, so that a bad input fails nobody else."""
        try:
            vectors = self._encode([value for values, _ in together for value in values])
        except Exception as error:
            if len(together) > 1:
                for one in together:
                    self._run([one])
                return
            cause = error if isinstance(error, EncodeError) else EncodeError(f"{type(error).__name__}: {error}")
            together[0][1].set_exception(cause)
            return
        start = 0
        for values, answer in together:
            answer.set_result(vectors[start : start + len(values)])
            start += len(values)
