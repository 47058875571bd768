"""Says without TensorFlow whether TensorFlow decodes a JPEG or PNG, of those for which that is sure once Pillow has.

TensorFlow takes seconds to load, in each worker, and decodes by the same libraries as Pillow. Where the two use them
differently, or one build lacks what the other has, the answer is None, and only TensorFlow itself can tell:

- JPEG: arithmetic and lossless ones, of 12 bits, of sampling by which libjpeg makes no colours, and those in which its
  way from marker to marker does not lead to the end, though all rows are there.
- PNG: what libpng refuses and Pillow does not look at, which are checksums, the order of chunks, impossible headers, a
  window smaller than what is compressed by it, and pixels that are too few or too many. And animations, of which Pillow
  may decode another frame.

Reference: ITU-T T.81, annex B; PNG, third edition, sections 5 and 8; RFC 1950, section 2.2.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterable

from components.pair_example_gen.judging.image_bombs import jpeg_segments
from serving.normal_form import DECODABLE_PIXELS, END, FRAMES, JPEG_START, PNG_START, SCAN

_HUFFMAN_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive
_TABLES = frozenset({0xC4, 0xDB, 0xDD})  # Huffman's, of quantization, and the restart interval
_APPLICATION, _COMMENT = range(0xE0, 0xF0), 0xFE
_ROWS_MISSING = "image file is truncated"  # in what Pillow says of a JPEG that breaks off before its last row

_MAX_PNG_SIDE = 1_000_000  # libpng's own limit, in pixels
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a PNG, by its colour type
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PALETTE = 3
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_LARGEST_WINDOW = 1 << 15  # bytes
_PORTION_BYTES = 1 << 20

_Chunk = tuple[bytes, memoryview]  # kind, content


def tensorflow_decodes(encoded: bytes, failure: str) -> bool | None:
    """Returns whether TensorFlow decodes a JPEG or PNG; None where that is not sure.

    Args:
      encoded: its bytes.
      failure: why Pillow does not decode it, in whatever mode and scale, shown all bytes at once; "" where it does.
    """
    if encoded.startswith(JPEG_START):
        if failure:
            return False if _ROWS_MISSING in failure else None
        return True if _is_common_jpeg(encoded) else None
    if encoded.startswith(PNG_START):
        chunks = _png_chunks(encoded)
        if chunks is None:
            return False
        return True if not failure and _is_common_png(chunks) else None
    return None


def _is_common_jpeg(encoded: bytes) -> bool:
    """Go from segment to segment, as libjpeg does, to the end; a frame that all can show stands before each scan."""
    frame, scans = b"", 0
    for marker, content in jpeg_segments(encoded):
        if marker in FRAMES:
            if marker not in _HUFFMAN_FRAMES or frame:
                return False
            frame = content
        elif marker == SCAN:
            scans += 1
            if not _is_common_frame(frame):
                return False
        elif marker == END:
            return scans > 0
        elif marker not in _TABLES and marker not in _APPLICATION and marker != _COMMENT:
            return False
    return False


def _is_common_frame(frame: bytes) -> bool:
    if len(frame) < 6:
        return False
    depth, height, width, channels = struct.unpack(">BHHB", frame[:6])
    if depth != 8 or channels not in (1, 3, 4) or len(frame) != 6 + 3 * channels:
        return False
    sampling = [divmod(both, 16) for both in frame[7::3]]  # of each channel, across and down
    across, down = (max(of) for of in zip(*sampling, strict=True))
    divides = all(a and d and across % a == 0 and down % d == 0 for a, d in sampling)
    return divides and 0 < width * height <= DECODABLE_PIXELS


def _png_chunks(encoded: bytes) -> list[_Chunk] | None:
    """Returns the chunks up to the end, b"" for the kind of one whose checksum is wrong.

    None where a chunk is cut or the end is missing, which libpng refuses whatever stands before.
    """
    whole, at, found = memoryview(encoded), len(PNG_START), []
    kind = b""
    while kind != b"IEND":
        size, kind = int.from_bytes(whole[at : at + 4], "big"), bytes(whole[at + 4 : at + 8])
        behind = at + 12 + size
        if behind > len(encoded):
            return None
        is_sound = zlib.crc32(whole[at + 4 : behind - 4]) == int.from_bytes(whole[behind - 4 : behind], "big")
        found.append((kind if is_sound else b"", whole[at + 8 : behind - 4]))
        at = behind
    return found


def _is_common_png(chunks: list[_Chunk]) -> bool:
    runs = [(kind, [content for _, content in of]) for kind, of in itertools.groupby(chunks, lambda chunk: chunk[0])]
    kinds = [kind for kind, _ in runs]
    if any(kinds.count(kind) > 1 for kind in _CRITICAL) or b"acTL" in kinds:
        return False
    if any(not kind.isalpha() or (kind not in _CRITICAL and kind[:1].isupper()) for kind in kinds):
        return False
    parts = dict(runs)
    header, palette, data = (parts.get(kind, []) for kind in (b"IHDR", b"PLTE", b"IDAT"))
    if kinds[0] != b"IHDR" or len(header) != 1 or len(header[0]) != 13 or not data or not data[0]:
        return False
    width, height, depth, colour, *methods, interlaced = struct.unpack(">IIBBBBB", header[0])
    if depth not in _DEPTHS.get(colour, ()) or any(methods) or interlaced > 1:
        return False
    if not (0 < width <= _MAX_PNG_SIDE and 0 < height <= _MAX_PNG_SIDE and width * height <= DECODABLE_PIXELS):
        return False
    if len(palette) > 1 or (colour == _PALETTE and not palette):
        return False
    if palette and kinds.index(b"PLTE") > kinds.index(b"IDAT"):
        return False
    if palette and len(palette[0]) not in range(3, 3 * 2 ** min(depth, 8) + 1, 3):
        return False
    size = _pixel_bytes(width, height, depth * _CHANNELS[colour], _ADAM7 if interlaced else ((0, 0, 1, 1),))
    window = 1 << 8 + (data[0][0] >> 4)
    return window >= min(_LARGEST_WINDOW, size) and _inflates_to(data, size)


def _pixel_bytes(width: int, height: int, bits: int, passes: Iterable[tuple[int, int, int, int]]) -> int:
    """Returns the bytes of all rows with the filter's byte before each, `bits` being those of a pixel."""
    total = 0
    for left, top, across, down in passes:
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * bits // 8))
    return total


def _inflates_to(parts: Iterable[memoryview], size: int) -> bool:
    """Says whether a stream in parts ends with the last of them, and holds so many bytes with a right checksum."""
    inflate, left = zlib.decompressobj(), size
    try:
        for part in parts:
            rest: memoryview | bytes = part
            while left >= 0:
                made = len(inflate.decompress(rest, _PORTION_BYTES))
                left -= made
                rest = inflate.unconsumed_tail
                if not rest and made < _PORTION_BYTES:
                    break
    except zlib.error:
        return False
    return left == 0 and inflate.eof and not inflate.unused_data
