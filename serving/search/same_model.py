"""Whether another way to a model leads to the one that made an index: a server's fingerprint is not its files'.

Legend: D embedding dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from serving.encoders.encoder import Encoder
from serving.search.pictures import PictureGone, Pictures
from serving.search.stores.ranking import cosines
from serving.search.stores.store import Store

_IMAGES = 4
SAME = 0.999  # cosine of an image's vectors, one of them rounded to fp16; half precision on another machine is above


class KnownModel:
    """An encoder that was seen to embed an index's own images as the index has them, and so has its fingerprint."""

    def __init__(self, encoder: Encoder, fingerprint: str) -> None:
        """Take the encoder and the index's fingerprint."""
        self._encoder, self.fingerprint = encoder, fingerprint
        self.name, self.is_lasting = encoder.name, encoder.is_lasting

    @property
    def temperature(self) -> float | None:
        """The encoder's own; raises EncodeError."""
        return self._encoder.temperature

    def confirm(self) -> None:
        """Ask the encoder to; raises EncodeError."""
        self._encoder.confirm()

    def encode_image(self, images: Sequence[bytes]) -> np.ndarray:
        """Encode N images into [N, D] float32, unit rows; raises EncodeError."""
        return self._encoder.encode_image(images)

    def encode_text(self, texts: Sequence[str]) -> np.ndarray:
        """Encode N texts into [N, D] float32, unit rows; raises EncodeError."""
        return self._encoder.encode_text(texts)


def known_by_index(encoder: Encoder, store: Store, pictures: Pictures) -> Encoder:
    """Returns an encoder that has an index's fingerprint.

    That is `encoder` itself where its fingerprint is the index's. Where it has another one, as a server has, some of
    the index's pictures are embedded again.

    Raises:
      ValueError: when it embeds them otherwise, or none of them can be read.
      EncodeError: when it cannot be asked.
    """
    if encoder.fingerprint == store.fingerprint:
        return encoder
    if not _embeds_alike(encoder, store, pictures):
        raise ValueError(
            f"the index was made by model {store.fingerprint}, and {encoder.name} is none that embeds its pictures as "
            "they are in the index; give the model of the index, or build the index anew"
        )
    return KnownModel(encoder, store.fingerprint)


def _embeds_alike(encoder: Encoder, store: Store, pictures: Pictures) -> bool:
    shown: dict[str, bytes] = {}
    for name in store.search(np.eye(1, store.dimension), _IMAGES).ids[0]:
        with suppress(PictureGone):
            shown[name] = pictures.encoded(name)
    if not shown:
        return False
    vectors, kept = encoder.encode_image(list(shown.values())), store.vectors(list(shown))
    return vectors.shape[1] == store.dimension and all(
        cosines(own, held[None])[0] >= SAME for own, held in zip(vectors, kept, strict=True)
    )
