"""The fields of a record that are read, by what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Fields(NamedTuple):
    """Names of fields, None for none.

    Attributes:
      captions: caption field -> language tag where the record states none.
      language: with the language of a record's captions.
      label: with the class for zero-shot evaluation.
      url: with the address that the image came from.
      key: with what names the record in messages.
    """

    captions: Mapping[str, str]
    language: str | None = None
    label: str | None = None
    url: str | None = None
    key: str | None = None
