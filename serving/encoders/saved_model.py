"""An encoder that runs a SavedModel in this process: ours, or any with the signatures of serving/signatures.py."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from serving.encoders.encoder import EncodeError, in_batches, settle
from serving.encoders.signature_check import refuse_foreign
from serving.encoders.temperature import told_by
from serving.server.core.servable import Servable
from serving.server.refusal import Refusal
from serving.signatures import (
    COSINE,
    EMBEDDING,
    ENCODE_IMAGE,
    ENCODE_TEXT,
    IMAGE_BYTES,
    PROBABILITY,
    SIMILARITY,
    TEXT,
)
from serving.versions import SAVED_MODEL_FILE

_MODEL_FOLDERS = ("variables", "assets")  # beside the graph; all else in the folder changes no embedding
_CHUNK_BYTES = 1 << 20


class SavedModelEncoder:
    """Encodes with a SavedModel, which is loaded when something is encoded first.

    Attributes:
      name: its folder.
      is_lasting: True, as the fingerprint is of the model's bytes.

    Examples:
      >>> encoder = SavedModelEncoder(Path("output/align-demo/serving_models/align/1"))
      >>> encoder.encode_text(["sad cat", "red boat"]).shape[0]
      2
      >>> len(encoder.fingerprint)
      64
    """

    is_lasting = True

    def __init__(self, path: Path) -> None:
        """Name the folder of a SavedModel; nothing is read."""
        self._path = path
        self.name = str(path)
        self._is_confirmed = False

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the graph, the variables and the assets, 64 hex digits; read once.

        Raises:
          EncodeError: where they cannot be read.
        """
        return self._digest()

    def confirm(self) -> None:
        """Make sure that what was loaded is what had been read for the fingerprint; raises EncodeError where not.

        From then on nothing more is read of the folder.
        """
        if self._is_confirmed or not {"fingerprint", "_servable"} <= vars(self).keys():
            return
        if self._digest() != self.fingerprint:
            raise EncodeError(f"{self._path} was written to while it was loaded; run the command again")
        self._is_confirmed = True

    def _digest(self) -> str:
        digest = hashlib.sha256()
        try:
            files = [self._path / SAVED_MODEL_FILE]
            files += sorted(path for folder in _MODEL_FOLDERS for path in (self._path / folder).rglob("*"))
            for path in files:
                if not path.is_dir():
                    digest.update(f"{path.relative_to(self._path).as_posix()}\0{path.stat().st_size}\0".encode())
                    with path.open("rb") as file:
                        while chunk := file.read(_CHUNK_BYTES):
                            digest.update(chunk)
        except OSError as error:
            raise EncodeError(f"{error.filename} cannot be read: {error.strerror}; push the model again") from error
        return digest.hexdigest()

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        """Encode N images of any format and look into [N, D] float32; raises EncodeError."""
        return in_batches(images, lambda batch: self._run(ENCODE_IMAGE, {IMAGE_BYTES: settle(batch)})[EMBEDDING])

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Encode N texts into [N, D] float32; raises EncodeError."""
        encoded = [text.encode() for text in texts]
        return in_batches(encoded, lambda batch: self._run(ENCODE_TEXT, {TEXT: batch})[EMBEDDING])

    @cached_property
    def temperature(self) -> float | None:
        """What the model divides cosines by, as its signature `similarity` tells; None where it has none."""
        return told_by(self._similarity)

    def _similarity(self, images: Sequence[bytes], texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        asked = {IMAGE_BYTES: settle(images), TEXT: [text.encode() for text in texts]}
        told = self._run(SIMILARITY, asked)
        return told[COSINE], told[PROBABILITY]

    @cached_property
    def _servable(self) -> Servable:
        try:
            return Servable(self._path)
        except ValueError as error:
            raise EncodeError(str(error)) from error

    def _run(self, signature: str, inputs: Mapping[str, Sequence[bytes]]) -> dict[str, np.ndarray]:
        refuse_foreign(self._servable.signature_defs, self.name, signature)
        given = {name: np.array(values, dtype=object) for name, values in inputs.items()}
        try:
            return self._servable.run(signature, given)
        except Refusal as refusal:
            raise EncodeError(f"{self._path} refused {signature}: {refusal.message}") from refusal
