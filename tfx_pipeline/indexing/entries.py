"""What an index keeps of one image beside its vector, made of a record as `ingest` reads it or of a stored Example."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components import schema
from components.files.tf_example import Example
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.reasons import Refused
from components.pair_example_gen.judging.records import read_captions, read_label, read_picture, split_of
from components.pair_example_gen.raw_record import RawRecord
from components.pair_filter.copies.fingerprint import fingerprint
from components.pair_filter.judging.features import carried_fingerprint

_ID_CHARACTERS = 32  # of SHA-256 in hex: of a billion images no two share one by chance
UNSAFE_FIELD = "punsafe"  # LAION's column with the probability that an image is unsafe


@dataclass(frozen=True)
class Entry:
    """One image to be embedded.

    Attributes:
      name: how messages call its record.
      image: encoded, in normal form.
      row: columns of `serving.search.shards.schema.METADATA`; the vector is to come.
    """

    name: str
    image: bytes
    row: Mapping[str, Any]


def id_of(name: str, sha256: str) -> str:
    """Returns the id of an image: the same for the same picture of the same record, whatever it was read from."""
    return hashlib.sha256(f"{name}\0{sha256}".encode(errors="backslashreplace")).hexdigest()[:_ID_CHARACTERS]


def of_record(
    record: RawRecord,
    config: IngestConfig,
    *,
    name: str,
    url: str,
    shares: Mapping[str, int],
    source: str,
    row: int | None,
) -> Entry:
    """Judge a record that was read, its image loaded, by the rules of `ingest`; one without captions is as good.

    Args:
      record: the record.
      config: which of its fields are read.
      name: how messages call it.
      url: the address that its image came from, or "".
      shares: of the splits that its file is divided among, as `ingest` divides it; none where it has no splits.
      source: the file that holds it.
      row: its number in the file; None where the file is the picture itself.

    Raises:
      Refused: where the image cannot be used.
    """
    picture = read_picture(record, config.max_image_pixels, _decode)
    captions = read_captions(record.fields, config.fields.captions, config.fields.language).kept
    try:
        label = read_label(record.fields, config.fields.label)
    except Refused:
        label = ""
    return _entry(
        name,
        picture.encoded,
        source=source,
        row=row,
        url=url or None,
        caption=captions[0].text if captions else None,
        language=captions[0].language if captions else None,
        label=label or None,
        split=record.split or (split_of(picture.encoded, shares) if shares else None),
        width=picture.width,
        height=picture.height,
        phash=picture.fingerprint.perceptual,
        unsafe=_probability(record.fields.get(UNSAFE_FIELD)),
    )


def of_example(payload: bytes, *, split: str, source: str, row: int) -> Entry:
    """Make an entry of a serialized Example.

    Raises:
      Refused: where it is none.
    """
    try:
        feature = Example.FromString(payload).features.feature
        encoded = feature[schema.IMAGE_ENCODED].bytes_list.value[0]
        name = feature[schema.RECORD_NAME].bytes_list.value[0].decode(errors="replace")
        width, height = (feature[key].int64_list.value[0] for key in (schema.IMAGE_WIDTH, schema.IMAGE_HEIGHT))
    except Exception as error:  # protobuf's and an index's
        raise Refused(reasons.DAMAGED_RECORD, f"no Example with an image, its size and a name ({error})") from error
    captions, languages, labels = (
        [value.decode(errors="replace") for value in feature[key].bytes_list.value]
        for key in (schema.CAPTION_TEXT, schema.CAPTION_LANGUAGE, schema.CLASS_LABEL)
    )
    return _entry(
        name,
        encoded,
        source=source,
        row=row,
        url=name if "://" in name else None,
        caption=captions[0] if captions else None,
        language=languages[0] if languages else None,
        label=(labels[0] or None) if labels else None,
        split=split,
        width=width,
        height=height,
        phash=(carried_fingerprint(feature) or fingerprint(encoded)).perceptual,
    )


def _entry(name: str, image: bytes, **row: Any) -> Entry:
    sha256 = hashlib.sha256(image).hexdigest()
    return Entry(name, image, {"id": id_of(name, sha256), "sha256": sha256, **row})


def _decode(encoded: bytes) -> None:
    """Leave the decoding to the model, which names what it cannot read."""


def _probability(value: object) -> float | None:
    """Returns a field's value where it is a number from 0 to 1."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1:
        return float(value)
    return None
