"""An image is recognised by its pixels, whatever its file."""

import io

from PIL import Image

from components.pair_filter.pixels import pixel_digest


def encode(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_formats_do_not_matter_and_pixels_do():
    image = Image.new("RGB", (6, 4), (9, 8, 7))
    same = {pixel_digest(encode(image, "PNG", compress_level=level)) for level in (0, 9)}
    same.add(pixel_digest(encode(image, "BMP")))
    assert len(same) == 1
    image.putpixel((5, 3), (9, 8, 6))
    assert pixel_digest(encode(image, "PNG")) not in same
    assert pixel_digest(encode(Image.new("RGB", (4, 6), (9, 8, 7)), "PNG")) not in same


def test_what_does_not_decode_equals_its_identical_copy():
    assert pixel_digest(b"no image") == pixel_digest(b"no image") != pixel_digest(b"another")
