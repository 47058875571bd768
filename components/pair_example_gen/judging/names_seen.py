"""Names in the config that must be those of the data: which of them no record has, with the closest that one has."""

from __future__ import annotations

from collections.abc import Sequence

from components.closest_name import did_you_mean
from components.pair_example_gen.config import IngestConfig

FIELDS, LABELS = "field", "label"  # kinds of names that records have


def unknown_fields(config: IngestConfig, present: Sequence[str] | None) -> list[str]:
    """Returns a sentence for each field that the config reads and that no record has.

    Args:
      present: the fields of all records; None where they are too many to tell.
    """
    if present is None:
        return []
    named = {"language_field": config.fields.language, "label_field": config.fields.label}
    named |= {"url_field": config.fields.url, "key_field": config.fields.key}
    asked = [(f"{config.section}.captions names", name) for name in config.fields.captions]
    asked += [(f"{config.section}.{field} is", name) for field, name in named.items() if name]
    return [
        f"{said} {name!r}, which no record has{did_you_mean(name, present)}"
        for said, name in asked
        if name not in present
    ]
