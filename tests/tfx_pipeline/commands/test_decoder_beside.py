"""Pillow's word on a picture is held against the decoder's, in either direction, and no process that ends agrees."""

from __future__ import annotations

import contextlib
import io
import pickle
import struct
import threading
import zlib

import pytest

from picture_forms import STORED, Image, encode, png
from tfx_pipeline.commands.decoder_beside import DecoderBeside, PillowCheck, agree

SOUND = encode(Image.fromarray(STORED), "JPEG")
HALF = SOUND[: len(SOUND) // 2]
PIXELS = b"\0\1\2\3" * 2
ONLY_PILLOW_READS = png(1, 8, 2, PIXELS)[:-12]  # without IEND
ONLY_TENSORFLOW_READS = png(1, 8, 2, PIXELS)[:-12] + b"\0\0\0\1pHYs\1" + struct.pack(">I", zlib.crc32(b"pHYs\1"))
ONLY_TENSORFLOW_READS += png(1, 8, 2, PIXELS)[-12:]


def handed_on(folder, *pictures: bytes) -> DecoderBeside:
    """Returns what has checked some pictures, whose process is not started."""
    beside = DecoderBeside(folder)
    check = pickle.loads(pickle.dumps(beside.check))  # as Beam does
    for picture in pictures:
        with contextlib.suppress(ValueError):
            check(picture)
    return beside


@pytest.mark.parametrize(
    ("pictures", "agreed"),
    [
        ([], True),
        ([SOUND, HALF, SOUND], True),
        ([SOUND, ONLY_PILLOW_READS], False),
        ([ONLY_TENSORFLOW_READS, SOUND], False),
    ],
)
def test_the_verdicts_are_compared_picture_by_picture(tmp_path, pictures, agreed):
    handed_on(tmp_path, *pictures)
    file = io.BytesIO((tmp_path / "pictures").read_bytes() + bytes(8))
    assert agree(file) == agreed
    assert not agreed or file.read() == b""


def test_a_file_is_read_while_it_is_written(tmp_path):
    handed_on(tmp_path, SOUND, HALF)
    content = (tmp_path / "pictures").read_bytes() + bytes(8)
    said = []
    with open(tmp_path / "grows", "wb", buffering=0) as out, open(tmp_path / "grows", "rb") as file:
        reader = threading.Thread(target=lambda: said.append(agree(file)))
        reader.start()
        for at in range(0, len(content), 301):
            out.write(content[at : at + 301])
        reader.join()
    assert said == [True]


def test_pillow_refuses_as_the_check_of_ingest_must(tmp_path):
    check = PillowCheck(str(tmp_path / "pictures"))
    check(SOUND)
    with pytest.raises(ValueError, match=r"(?i)truncated") as caught:
        check(HALF)
    assert type(caught.value) is ValueError  # an UnknownFormat would be counted as another reason


def test_a_process_that_ended_agrees_to_nothing(tmp_path):
    with handed_on(tmp_path, SOUND) as beside:
        beside.process.kill()
        assert not beside.agrees()


def test_the_process_agrees_and_is_gone_behind_the_block(tmp_path):
    with handed_on(tmp_path, SOUND, HALF) as beside:
        assert beside.agrees()
    assert beside.process.returncode == 0
    with handed_on(tmp_path, SOUND) as beside:
        pass
    assert beside.process.returncode is not None
