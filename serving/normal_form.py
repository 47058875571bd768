"""The normal form of a picture's bytes: a JPEG or PNG that says in its first bytes how it is to be turned.

```
JPEG   start of image | TURN_JPEG, where EXIF turns it | Adobe's marker, where CMYK lacks it | the rest, as it was
PNG    signature, IHDR | TURN_PNG, where EXIF turns it | the rest, as it was
```
Ingest brings every picture into it, so that training finds the orientation at a fixed place; the served model does the
same in its graph (models/images/normal_form.py), so both show the towers the same pixels. No pixel is encoded again.

Reference:
  ITU-T T.81, annex B; PNG, third edition, section 5; EXIF 2.32, section 4.6.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

JPEG_START, PNG_START = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
EXIF_START = b"Exif\0\0"
TIFF_STARTS = {"little": b"II*\0", "big": b"MM\0*"}
ORIENTATION = {"little": b"\x12\x01\x03\0\x01\0\0\0", "big": b"\x01\x12\0\x03\0\0\0\x01"}  # tag, SHORT, one value
TURNS = tuple(range(2, 9))  # EXIF's orientations that turn or mirror; 1 is upright, all else says nothing
MAX_IMAGE_PIXELS = 64_000_000  # refuses decompression bombs from the header; a 64-megapixel camera still passes
DECODABLE_PIXELS = (1 << 27) - 1  # TensorFlow refuses 2^29 values, which four channels of more reach
MAX_PARTS = 20_000  # segments or chunks that are looked through; a PNG of 150 MB in parts of 8 kB has as many
TOO_MANY_PARTS = f"it has more than {MAX_PARTS} parts"

_TIFF = TIFF_STARTS["little"] + struct.pack("<IH", 8, 1) + ORIENTATION["little"] + b"%c\0\0\0" + bytes(4)
_TIFFS = tuple(_TIFF % turn for turn in TURNS)
TURN_JPEG = tuple(b"\xff\xe1" + struct.pack(">H", 8 + len(tiff)) + EXIF_START + tiff for tiff in _TIFFS)
TURN_PNG = tuple(
    struct.pack(">I", len(tiff)) + b"eXIf" + tiff + struct.pack(">I", zlib.crc32(b"eXIf" + tiff)) for tiff in _TIFFS
)
TURN_JPEG_AT, TURN_PNG_AT = 2, 33
ADOBE_CMYK = b"\xff\xee\x00\x0eAdobe\x00\x64" + bytes(5)  # version 100, inverted CMYK, no further transform

# A JPEG's markers.
NO_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})  # stuffed bytes, TEM, RSTn, SOI
SCAN, END, EXIF, ADOBE = 0xDA, 0xD9, 0xE1, 0xEE
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Header:
    """What a JPEG's segments or a PNG's chunks say of its look.

    Attributes:
      turn: EXIF's orientation, 1 to 8.
      bare_cmyk: of a JPEG, whether it has four colours and not Adobe's marker.
      keyed: of a PNG, whether one grey or one colour is transparent.
      depth: of a PNG, bits of a channel.
    """

    turn: int
    bare_cmyk: bool = False
    keyed: bool = False
    depth: int = 8


def read_header(encoded: bytes) -> Header | None:
    """Returns the header of a JPEG or PNG, or None of anything else.

    Raises:
      ValueError: where it has more than MAX_PARTS parts.
    """
    if encoded.startswith(JPEG_START):
        return _read_jpeg(encoded)
    if encoded.startswith(PNG_START):
        return _read_png(encoded)
    return None


def normalise(encoded: bytes, header: Header) -> bytes:
    """Returns the normal form of a JPEG or PNG that is not keyed; a picture in normal form is returned as it is."""
    is_jpeg = encoded.startswith(JPEG_START)
    at, turns = (TURN_JPEG_AT, TURN_JPEG) if is_jpeg else (TURN_PNG_AT, TURN_PNG)
    turn = turns[TURNS.index(header.turn)] if header.turn in TURNS else b""
    rest = encoded[at:].removeprefix(turn)
    return encoded[:at] + turn + (ADOBE_CMYK if header.bare_cmyk else b"") + rest


def read_turn(exif: bytes) -> int:
    """Returns the orientation that EXIF states, 1 to 8; 1 where it is damaged or states none.

    Args:
      exif: a TIFF structure, behind EXIF_START or not.
    """
    tiff = exif.removeprefix(EXIF_START)
    order = next((order for order, start in TIFF_STARTS.items() if tiff.startswith(start)), None)
    if order is None:
        return 1
    directory = _number(tiff, 4, 4, order)
    begin = directory + 2
    end = begin + 12 * _number(tiff, directory, 2, order)
    turn = 1
    for at in range(begin, min(end, len(tiff)) - 11, 12):
        if tiff[at : at + 8] == ORIENTATION[order]:
            turn = _number(tiff, at + 8, 2, order)
    return turn if turn in TURNS else 1


def _read_jpeg(encoded: bytes) -> Header:
    """Go from segment to segment up to the first scan, past bytes that belong to none, as libjpeg does."""
    at, exif, components, has_adobe = 2, b"", 0, False
    for _ in range(MAX_PARTS):
        if at + 4 > len(encoded):
            break
        marker = encoded[at + 1]
        if encoded[at] != 0xFF or marker == 0xFF:
            at += 1
            continue
        if marker in NO_LENGTH:
            at += 2
            continue
        size = _number(encoded, at + 2, 2, "big")
        if marker in (SCAN, END) or size < 2:
            break
        content = encoded[at + 4 : at + 2 + size]
        if marker == EXIF and not exif and content.startswith(EXIF_START):
            exif = content
        elif marker == ADOBE and content.startswith(b"Adobe"):
            has_adobe = True
        elif marker in FRAMES and len(content) > 5:
            components = components or content[5]
        at += 2 + size
    else:
        raise ValueError(TOO_MANY_PARTS)
    return Header(read_turn(exif), bare_cmyk=components == 4 and not has_adobe)


def _read_png(encoded: bytes) -> Header:
    """Go from chunk to chunk to the end: EXIF may also stand behind the pixels."""
    at, exif, has_key, has_pixels = len(PNG_START), None, False, False
    for _ in range(MAX_PARTS):
        size, kind = _number(encoded, at, 4, "big"), encoded[at + 4 : at + 8]
        if len(kind) < 4 or kind == b"IEND":
            break
        has_pixels = has_pixels or kind == b"IDAT"
        has_key = has_key or (kind == b"tRNS" and not has_pixels)
        if kind == b"eXIf" and exif is None:
            exif = encoded[at + 8 : at + 8 + size]
        at += 12 + size
    else:
        raise ValueError(TOO_MANY_PARTS)
    depth, colours = (*encoded[24:26], 0, 0)[:2]
    return Header(read_turn(exif or b""), keyed=has_key and colours in (0, 2), depth=depth)


def _number(content: bytes, at: int, size: int, order: str) -> int:
    return int.from_bytes(content[at : at + size], order)  # type: ignore[arg-type]
