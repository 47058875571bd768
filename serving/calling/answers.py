"""What the requests of one call answer, all by one version, and what `similarity` and `classify` make of it.

Legend: N images, M texts, L labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.encoders.encoder import EncodeError
from serving.signatures import COSINE, LABEL, PROBABILITY

SIMILARITY_OUTPUTS = (COSINE, PROBABILITY)
CLASSIFY_OUTPUTS = (COSINE, PROBABILITY, LABEL)


ROUNDS = 4  # of asking again what another version answered


@dataclass(frozen=True)
class Answered:
    """What one request answers.

    Attributes:
      version: the one that answered; 0 where a server does not say.
      outputs: in the order asked for.
    """

    version: int
    outputs: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Similarities:
    """How well each text describes each image.

    Attributes:
      cosine: [N, M] float32.
      probability: [N, M] float32, of each image's texts, at the temperature that the model learnt; rows sum to 1.
    """

    cosine: np.ndarray
    probability: np.ndarray


@dataclass(frozen=True)
class Classes:
    """Which label fits each image.

    Attributes:
      cosine, probability: [N, L] float32; rows of probabilities sum to 1.
      labels: the best of each image, N of them.
    """

    cosine: np.ndarray
    probability: np.ndarray
    labels: list[str]


class Gathered:
    """The answers to the requests of one call, until one version gave all of them.

    A server may take a newer version up between two requests, and vectors of two versions cannot be compared. What the
    version before answered is asked again.

    Args:
      requests: how many there are.
      address: of the server, for the error.
    """

    def __init__(self, requests: int, address: str) -> None:
        self._address = address
        self._found: list[Answered | None] = [None] * requests
        self._newest = 0
        self._rounds_left = ROUNDS

    def to_ask(self) -> list[int]:
        """Returns which requests to send now, [] at the end; raises EncodeError where versions change on and on."""
        places = [at for at, one in enumerate(self._found) if one is None or one.version != self._newest]
        if places and not self._rounds_left:
            raise EncodeError(
                f"{self._address} changed its version {ROUNDS - 1} times within one call; ask for one version by number"
            )
        self._rounds_left -= 1
        return places

    def add(self, place: int, answer: Answered) -> None:
        """Take an answer; the one that is added last is of the newest version."""
        self._found[place] = answer
        self._newest = answer.version

    def joined(self) -> tuple[np.ndarray, ...]:
        """Returns the outputs of all requests below each other."""
        columns = zip(*(one.outputs for one in self._found if one is not None), strict=True)
        return tuple(np.concatenate(column) for column in columns)


def classes(outputs: tuple[np.ndarray, ...]) -> Classes:
    """Returns CLASSIFY_OUTPUTS as what a caller reads."""
    cosine, probability, labels = outputs
    return Classes(cosine, probability, [label.decode() for label in labels])
