"""Finds which of many images a model cannot read: what fails is halved until one is left."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from serving.encoders import probe
from serving.encoders.encoder import EncodeError, Encoder


def encode_readable(
    encoder: Encoder, images: Mapping[int, bytes]
) -> tuple[dict[int, NDArray[np.float32]], dict[int, str]]:
    """Encode what can be encoded of some images.

    Args:
      encoder: the model.
      images: place -> encoded image.

    Returns:
      Place -> [D] vector, and place -> what the model said of an image that it cannot read.

    Raises:
      EncodeError: where the model cannot encode the probe's images either, and so is no judge of these.
    """
    if not images:
        return {}, {}
    places = list(images)
    try:
        vectors = encoder.encode_image(list(images.values()))
    except EncodeError as error:
        encoder.encode_image(probe.images())
        if len(places) == 1:
            return {}, {places[0]: " ".join(str(error).split())}
        middle = len(places) // 2
        first, second = (
            encode_readable(encoder, {place: images[place] for place in half})
            for half in (places[:middle], places[middle:])
        )
        return first[0] | second[0], first[1] | second[1]
    return dict(zip(places, vectors, strict=True)), {}
