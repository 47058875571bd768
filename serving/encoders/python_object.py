"""An encoder that is any Python object with `encode_image` and `encode_text`, such as a wrapped PyTorch model."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from serving.encoders.encoder import EncodeError, Value, in_batches, shown
from serving.encoders.probe import Probe
from serving.pictures import View
from serving.signatures import ENCODE_IMAGE, ENCODE_TEXT


class ObjectEncoder:
    """Encodes with an object's own two methods, at most `encoder.BATCH` inputs a call.

    `encode_image` is given a list of bytes, each a JPEG or PNG that looks right to what reads neither EXIF nor
    transparency; `encode_text` a list of str. Both return [n, D] unit rows, as anything that np.asarray reads.

    Attributes:
      name: as given.
      temperature: the object's own, if it has one.
      is_lasting: whether it says its fingerprint itself; no probe tells two objects apart for certain.

    Examples:
      >>> class Lengths:
      ...     def encode_image(self, images):
      ...         return [[1.0, 0.0]] * len(images)
      ...
      ...     def encode_text(self, texts):
      ...         return [[0.6, 0.8]] * len(texts)
      >>> ObjectEncoder(Lengths(), "lengths").encode_text(["a", "b"]).shape
      (2, 2)
    """

    def __init__(self, wrapped: Any, name: str) -> None:
        """Hold the object.

        Args:
          wrapped: has both methods; its `fingerprint`, where it has one, is a string that changes with the model.
          name: what a report calls it.

        Raises:
          EncodeError: where a method is missing, or a class is given in the place of an object.
        """
        if isinstance(wrapped, type):
            raise EncodeError(f"{name} is a class; name an object of it, such as `encoder = {wrapped.__name__}()`")
        for method in (ENCODE_IMAGE, ENCODE_TEXT):
            if not callable(getattr(wrapped, method, None)):
                kind = type(wrapped).__name__
                raise EncodeError(f"{name} is a {kind} without {method}; an encoder has encode_image and encode_text")
        self._wrapped, self.name = wrapped, name
        self._probe = Probe(name, self.encode_image, self.encode_text)
        self._said = getattr(wrapped, "fingerprint", None)
        self.is_lasting = self._said is not None
        self.temperature = getattr(wrapped, "temperature", None)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of its name and what it says of itself, or of its embeddings of a probe; raises EncodeError."""
        said = self._said
        if said is None:
            return self._probe.fingerprint(self.name)
        if not isinstance(said, str) or not said:
            raise EncodeError(f"{self.name} has fingerprint = {said!r}; give a string that changes with the model")
        return hashlib.sha256(repr((self.name, said)).encode()).hexdigest()  # two models may both be a "v1"

    def confirm(self) -> None:
        """Make sure that it says the same fingerprint still, or answers the same; raises EncodeError where not."""
        if self._said is None:
            self._probe.confirm()
        elif (now := self._wrapped.fingerprint) != self._said:
            raise EncodeError(
                f"{self.name} had fingerprint = {self._said!r} and has {now!r} now; what it gave meanwhile is not "
                "kept, so run the command again"
            )

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        """Encode N images of any format and look into [N, D] float32; raises EncodeError."""
        return self._encode(ENCODE_IMAGE, images, lambda batch: shown(batch, View.plain))

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Encode N texts into [N, D] float32; raises EncodeError."""
        return self._encode(ENCODE_TEXT, texts, list)

    def _encode(
        self, method: str, values: Sequence[Value], prepare: Callable[[Sequence[Value]], list[Value]]
    ) -> np.ndarray:
        try:
            return in_batches(values, lambda batch: self._call(method, prepare(batch)))
        except ValueError as error:
            raise EncodeError(f"{self.name}: {method} gave no rows of one length: {error}") from error

    def _call(self, method: str, values: list[Any]) -> np.ndarray:
        call: Callable[[list[Any]], Any] = getattr(self._wrapped, method)
        try:
            return np.asarray(call(values), np.float32)
        except Exception as error:  # it is anybody's code
            cause = " ".join(str(error).split())
            raise EncodeError(f"{self.name}: {method} raised {type(error).__name__}: {cause}") from error
