"""EXIF's orientation and the normal form, against Pillow's reading of the same files."""

from __future__ import annotations

import contextlib
import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from picture_forms import encode, oriented
from serving.normal_form import EXIF_START, MAX_PARTS, TURN_JPEG, Header, normalise, read_header, read_turn

JPEG = encode(Image.new("RGB", (4, 2)), "JPEG")
PNG = encode(Image.new("RGB", (4, 2)), "PNG")
SHORT = 3


def tiff(order: str, entries: list[tuple[int, int, int, int]], at: int = 8, more: bytes = b"") -> bytes:
    """Returns a TIFF structure; entries are (tag, type, count, value), a value of two bytes where the type is SHORT."""
    sign = "<" if order == "little" else ">"
    packed = b"".join(
        struct.pack(f"{sign}HHI", *entry[:3]) + struct.pack(f"{sign}H2x" if entry[1] == SHORT else f"{sign}I", entry[3])
        for entry in entries
    )
    start = struct.pack(f"{sign}2sHI", b"II" if order == "little" else b"MM", 42, at)
    return start + bytes(at - 8) + struct.pack(f"{sign}H", len(entries)) + packed + bytes(4) + more


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def with_segments(*segments: bytes) -> bytes:
    """Returns a JPEG with segments directly behind its start."""
    return JPEG[:2] + b"".join(segments) + JPEG[2:]


def turn_by_pillow(encoded: bytes) -> int:
    found = Image.open(io.BytesIO(encoded)).getexif().get(0x0112, 1)
    return found if found in range(2, 9) else 1


entry = st.tuples(
    st.sampled_from([0x0100, 0x010F, 0x0112, 0x011A, 0x8769]), st.just(SHORT), st.just(1), st.integers(0, 10)
)


@settings(max_examples=200, deadline=None)
@given(
    order=st.sampled_from(["little", "big"]),
    entries=st.lists(entry, max_size=6),
    at=st.integers(8, 40),
    thumbnail=st.binary(max_size=60),
)
def test_an_orientation_is_the_one_that_pillow_reads(order, entries, at, thumbnail):
    exif = tiff(order, entries, at, thumbnail)
    encoded = with_segments(segment(0xE1, EXIF_START + exif))
    assert read_header(encoded) == Header(turn_by_pillow(encoded))
    assert read_turn(exif) == read_turn(EXIF_START + exif) == turn_by_pillow(encoded)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # it says what of the EXIF is damaged
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_exif_says_nothing_or_what_pillow_reads(data):
    exif = bytearray(
        tiff(data.draw(st.sampled_from(["little", "big"])), [(0x0112, SHORT, 1, 6), (0x0100, SHORT, 1, 9)])
    )
    for _ in range(data.draw(st.integers(1, 3))):
        exif[data.draw(st.integers(0, len(exif) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(exif[: data.draw(st.integers(0, len(exif)))])
    turn = read_turn(cut)
    assert turn in range(1, 9)
    with contextlib.suppress(Exception):  # Pillow raises nearly anything where EXIF is damaged
        assert turn in (1, turn_by_pillow(with_segments(segment(0xE1, EXIF_START + cut))))


ICC = segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(300))
XMP = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<tiff:Orientation>8</tiff:Orientation>")
SIX = segment(0xE1, EXIF_START + tiff("big", [(0x010F, SHORT, 1, 1), (0x0112, SHORT, 1, 6)]))
THREE = segment(0xE1, EXIF_START + tiff("little", [(0x0112, SHORT, 1, 3)]))
INNER = segment(0xE1, EXIF_START + tiff("little", [(0x0100, SHORT, 1, 3)], more=JPEG[:2] + THREE + JPEG[2:]))


@pytest.mark.parametrize(
    ("segments", "turn"),
    [
        ((XMP, SIX), 6),
        ((XMP,), 1),  # viewers heed EXIF alone
        ((ICC, SIX), 6),
        ((SIX, THREE), 6),
        ((INNER,), 1),  # the thumbnail's orientation is not the picture's
        ((b"\xff\xff\xff", SIX), 6),
        ((XMP, b"junk", SIX), 6),
        ((segment(0xFE, b"a note"), SIX), 6),
        ((segment(0xE1, b"Exif\0"), SIX), 6),
        ((segment(0xE1, EXIF_START + tiff("little", [(0x0112, 4, 1, 6)])),), 1),  # a LONG, where EXIF has a SHORT
        ((segment(0xE1, EXIF_START + tiff("little", [(0x0112, SHORT, 2, 6)])),), 1),
    ],
)
def test_the_first_exif_segment_decides(segments, turn):
    assert read_header(with_segments(*segments)) == Header(turn)


def test_exif_behind_the_pixels_of_a_png_counts():
    turned = encode(Image.new("RGB", (4, 2)), "PNG", exif=oriented(8))
    at = turned.index(b"eXIf") - 4
    size = 12 + int.from_bytes(turned[at : at + 4], "big")
    chunk, rest = turned[at : at + size], turned[:at] + turned[at + size :]
    assert rest == PNG
    assert read_header(rest[:-12] + chunk + rest[-12:]) == Header(8)


@pytest.mark.parametrize("encoded", [JPEG, PNG])
def test_the_normal_form_of_a_normal_form_is_itself(encoded):
    for turn in range(1, 9):
        once = normalise(encoded, Header(turn))
        assert read_header(once) == Header(turn)
        assert normalise(once, Header(turn)) == once
        assert turn_by_pillow(once) == turn


def test_a_mark_stays_in_front_of_adobes():
    bare = normalise(JPEG, Header(5, bare_cmyk=True))
    assert bare[2:].startswith(TURN_JPEG[3])
    assert normalise(bare, Header(5)) == bare


@pytest.mark.parametrize("start", [JPEG[:2], PNG[:33]])
def test_a_file_of_very_many_parts_is_refused(start):
    part = b"\xff\x01" if start == JPEG[:2] else bytes(4) + b"teSt" + bytes(4)
    with pytest.raises(ValueError, match="more than 20000 parts"):
        read_header(start + part * (MAX_PARTS + 1))


@pytest.mark.parametrize("encoded", [b"", b"GIF89a", b"\xff\xd8", b"\x89PNG"])
def test_other_bytes_have_no_such_header(encoded):
    assert read_header(encoded) is None
