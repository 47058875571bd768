"""Refuses images whose decoding would take far longer than their size in pixels allows for."""

from __future__ import annotations

import re

from components.pair_example_gen.judging.reasons import IMAGE_NOT_DECODABLE, Refused

# Deflate makes at most 1032 bytes of one, so that this much holds no more text than Pillow allows before the pixels.
MAX_COMPRESSED_TEXT_BYTES = 64 * 1024
MAX_JPEG_SCANS = 100  # libjpeg's own progressive script has 10; each scan passes over all blocks
_PNG_START = b"\x89PNG\r\n\x1a\n"
_COMPRESSED_CHUNKS = (b"zTXt", b"iTXt", b"iCCP")
_JPEG_START = b"\xff\xd8"
_JPEG_MARKER = re.compile(rb"\xff([^\x00\xd0-\xd7\xff])")  # in the data of a scan 0xff precedes 0 or a restart marker
_SCAN, _END = b"\xda", b"\xd9"


def refuse_slow(encoded: bytes) -> None:
    """Refuse a PNG with much compressed text behind its pixels, where Pillow does not look, and a JPEG of many scans.

    Raises:
      Refused: with image_not_decodable.
    """
    if encoded.startswith(_PNG_START):
        size = compressed_text_bytes(encoded)
        if size > MAX_COMPRESSED_TEXT_BYTES:
            detail = f"{size} bytes of compressed text in a PNG, above {MAX_COMPRESSED_TEXT_BYTES}"
            raise Refused(IMAGE_NOT_DECODABLE, detail)
    elif encoded.startswith(_JPEG_START) and (scans := jpeg_scans(encoded)) > MAX_JPEG_SCANS:
        raise Refused(IMAGE_NOT_DECODABLE, f"{scans} scans in a JPEG, above {MAX_JPEG_SCANS}")


def compressed_text_bytes(png: bytes) -> int:
    """Returns the size of a PNG's compressed text chunks behind its first pixels, without decompressing any."""
    at, total, has_pixels = len(_PNG_START), 0, False
    while at + 8 <= len(png):
        size, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        has_pixels = has_pixels or kind == b"IDAT"
        if has_pixels and kind in _COMPRESSED_CHUNKS:
            total += size
        at += size + 12
    return total


def jpeg_scans(jpeg: bytes) -> int:
    """Returns how many scans a JPEG has before its end; what may follow, such as a film, is not looked at.

    Reference: ITU-T T.81, annex B.
    """
    count, marker = 0, _JPEG_MARKER.search(jpeg, len(_JPEG_START))
    while marker and marker[1] != _END:
        count += marker[1] == _SCAN
        segment = int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
        marker = _JPEG_MARKER.search(jpeg, marker.end() + segment)
    return count
