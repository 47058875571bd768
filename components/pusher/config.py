"""What a person must say of a model, since no component can know it: the `card` section of a config."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CardConfig:
    """What stands in each pushed version's model card beside what the pipeline knows.

    null says there that nobody said it. A change pushes the model again, with the new card, and trains nothing.

    Attributes:
      licence: of the model, best as SPDX has it, such as "Apache-2.0".
      data: what the training data is, where it comes from and under which licence.
      intended_use: what the model is for, and what it is not for.
      limits: what is known that it does badly, beside what every model of its kind does.
      contact: whom to write to.

    Examples:
      >>> CardConfig(licence="Apache-2.0").intended_use is None
      True
    """

    licence: str | None = None
    data: str | None = None
    intended_use: str | None = None
    limits: str | None = None
    contact: str | None = None
