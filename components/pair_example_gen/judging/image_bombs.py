"""Refuses images whose decoding would take far longer than their size in pixels allows for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.pair_example_gen.judging.reasons import IMAGE_NOT_DECODABLE, Refused
from serving.normal_form import END, SCAN

# Deflate makes at most 1032 bytes of one, so that this much holds no more text than Pillow allows before the pixels.
MAX_COMPRESSED_TEXT_BYTES = 64 * 1024
MAX_JPEG_SCANS = 100  # libjpeg's own progressive script has 10; each scan passes over all blocks
_PNG_START = b"\x89PNG\r\n\x1a\n"
_COMPRESSED_CHUNKS = (b"zTXt", b"iTXt", b"iCCP")
_JPEG_START, _JPEG_SCAN = b"\xff\xd8", bytes((0xFF, SCAN))
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # in the data of a scan 0xff precedes 0 or a restart marker


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
    elif encoded.startswith(_JPEG_START) and encoded.count(_JPEG_SCAN) > MAX_JPEG_SCANS < (
        scans := jpeg_scans(encoded)
    ):
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
    """Returns how many scans a JPEG has before its end; what may follow, such as a film, is not looked at."""
    return sum(marker == SCAN for marker, _ in jpeg_segments(jpeg))


def jpeg_segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of each segment of a JPEG up to its end, the end too, where it is reached.

    Pixels are passed over, as are bytes between segments that belong to none.

    Reference: ITU-T T.81, annex B.
    """
    found = _JPEG_MARKER.search(jpeg, len(_JPEG_START))
    while found:
        marker, at = jpeg[found.end() - 1], found.end()
        behind = at + int.from_bytes(jpeg[at : at + 2], "big")
        yield marker, jpeg[at + 2 : behind]
        if marker == END:
            return
        found = _JPEG_MARKER.search(jpeg, behind)
