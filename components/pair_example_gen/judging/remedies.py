"""What to do where no image of the input could be used: an example of the commonest reason, and where to look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.names_seen import unknown_fields

MOST_FIELDS = 20  # that are named


def remedy(
    config: IngestConfig,
    commonest: Sequence[str],
    samples: Mapping[str, Sequence[Mapping[str, str]]],
    present: Sequence[str] | None,
) -> str:
    """Returns the end of a sentence.

    Args:
      commonest: the reasons that images were left out for, the commonest first.
      samples: reason -> {"record": name, "detail": text} of at least one record.
      present: the fields that records have; None where they are too many to tell.
    """
    if not commonest:
        return "check the files"
    example = samples[commonest[0]][0]
    said = [f"{example['record']}: {example['detail']}, for one"]
    if commonest[0] == reasons.IMAGE_MISSING:
        where = "" if config.images_beside else f": set {config.section}.image_folder, or paths_relative_to: table"
        said.append(f"check where the images' paths start{where}")
    elif {reasons.NO_IMAGE, reasons.NO_CAPTION} <= {*commonest} and "image_field" not in config.layout.uses:
        said.append("the files of a record must follow each other in a tar, as tar --sort=name packs them")
    elif commonest[0] == reasons.NO_IMAGE and "image_field" in config.layout.uses:
        said.append(f"set {config.section}.image_field, which is {config.image_column!r}, to the field of the images")
    elif commonest[0] == reasons.NO_CAPTION:
        said += _about_captions(config, present)
    return "; ".join(said)


def _about_captions(config: IngestConfig, present: Sequence[str] | None) -> list[str]:
    """Returns which caption fields no record has, and which fields records have."""
    unknown = [sentence for sentence in unknown_fields(config, present) if ".captions names" in sentence]
    if not unknown:
        return []
    fields = ", ".join(map(repr, (present or [])[:MOST_FIELDS])) or "none"
    return [*unknown, f"the fields that are there: {fields}"]
