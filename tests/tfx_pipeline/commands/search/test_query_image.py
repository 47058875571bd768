"""What align query sends of an image file: what one sees, plain to read."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tfx_pipeline.commands.search.query import read_query_image
from tfx_pipeline.settings.config import ConfigError


def test_what_is_no_image_is_named(tmp_path, coloured_png):
    for name, content in {"text.png": b"hello", "cut.png": coloured_png(1, 2, 3)[:40], "empty.jpg": b""}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=rf"{name} cannot be read as an image") as caught:
            read_query_image(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_query_image(tmp_path)


def test_a_plain_image_is_sent_as_it_is(tmp_path, coloured_png):
    (tmp_path / "plain.png").write_bytes(coloured_png(1, 2, 3))
    assert read_query_image(tmp_path / "plain.png") == coloured_png(1, 2, 3)


@pytest.mark.parametrize("kind", ["webp", "png", "tiff"])
def test_other_formats_and_transparency_become_what_one_sees(tmp_path, kind):
    picture = Image.new("RGBA", (8, 8), (255, 0, 0, 0))  # red, hidden by full transparency
    picture.paste((0, 0, 255, 255), (0, 0, 4, 8))
    path = tmp_path / f"query.{kind}"
    picture.save(path, **({"lossless": True} if kind == "webp" else {}))
    with Image.open(io.BytesIO(read_query_image(path))) as back:
        assert (back.format, back.mode) == ("PNG", "RGB")
        assert back.getpixel((1, 1)) == (0, 0, 255)
        assert back.getpixel((6, 1)) == (255, 255, 255)


def test_a_rotated_photograph_is_turned(tmp_path):
    picture = Image.new("RGB", (16, 8), "white")
    picture.paste((0, 0, 0), (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    picture.save(tmp_path / "photo.jpg", exif=exif, quality=95)
    with Image.open(io.BytesIO(read_query_image(tmp_path / "photo.jpg"))) as back:
        assert back.size == (8, 16)
        assert back.getpixel((4, 2))[0] < 40
        assert back.getpixel((4, 13))[0] > 215
