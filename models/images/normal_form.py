"""Brings pictures into normal form (serving/normal_form.py) with TensorFlow's own operations, for the served graph.

What it reads of a file it decides as the Python of serving/normal_form.py does, by which ingest brings pictures into
the same form. A picture that it cannot show as it is meant to look is refused, as is one that is too large, before
anything is decoded. Places and sizes in a file are int64.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from models.images.decoding import RGB, on_white
from serving import normal_form as form

_JPEG, _PNG, _GIF, _BMP = range(4)
_KINDS = {form.JPEG_START: _JPEG, form.PNG_START: _PNG, b"GIF87a": _GIF, b"GIF89a": _GIF, b"BM": _BMP}
_GIF_EXTENSION, _GIF_CONTROL, _GIF_IMAGE = 0x21, 0xF9, 0x2C
_BMP_DEPTH, _BMP_HEADER_BYTES = 24, 40
_ONE, _TWO = np.int64(1), np.int64(2)
_FAST = 1  # zlib's level for pixels that are decoded again at once


def normalise(image_bytes: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """Bring one picture into normal form.

    JPEG and PNG get a few bytes in front where EXIF turns them or CMYK lacks Adobe's marker. A PNG with one transparent
    colour, the first frame of a GIF and a BMP of 24 bits become PNG.

    Args:
      image_bytes: scalar string, an encoded JPEG, PNG, GIF or BMP.
      max_pixels: width x height above which the header alone refuses it.

    Returns:
      Scalar string.

    Raises:
      tf.errors.InvalidArgumentError: for any other format, a BMP of another depth or compressed, a GIF whose first
        frame is not as large as its canvas, and too many pixels.
    """
    kind = tf.constant(-1)
    for start, number in _KINDS.items():
        kind = tf.where(tf.strings.substr(image_bytes, 0, len(start)) == start, number, kind)
    known = _checked(image_bytes, kind >= 0, "it is no JPEG, PNG, GIF or BMP; send one of these")
    return tf.switch_case(
        kind,
        {
            _JPEG: lambda: _normal_jpeg(known, max_pixels),
            _PNG: lambda: _normal_png(known, max_pixels),
            _GIF: lambda: _normal_gif(known, max_pixels),
            _BMP: lambda: _normal_bmp(known, max_pixels),
        },
    )


def normalise_all(image_bytes: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """Bring [N] pictures into normal form as `normalise` does; all headers are judged before any picture is used."""
    return tf.map_fn(lambda encoded: normalise(encoded, max_pixels), image_bytes)


def read_turn(exif: tf.Tensor) -> tf.Tensor:
    """Returns the orientation that EXIF states, scalar int64, as `serving.normal_form.read_turn` does."""
    tiff = _without(form.EXIF_START, exif)
    start = tf.strings.substr(tiff, 0, 4)

    def stated(order: str) -> tf.Tensor:
        begin = _number(tiff, 4, 4, order) + 2
        end = tf.minimum(begin + 12 * _number(tiff, begin - 2, 2, order), _length(tiff))
        number = tf.maximum(end - begin, 0) // 12
        entries = tf.reshape(tf.io.decode_raw(_part(tiff, begin, 12 * number), tf.uint8), [-1, 12])
        is_it = tf.reduce_all(entries[:, :8] == tf.constant(list(form.ORIENTATION[order]), tf.uint8), axis=1)
        low, high = (8, 9) if order == "little" else (9, 8)
        values = tf.cast(entries[:, low], tf.int64) + 256 * tf.cast(entries[:, high], tf.int64)
        return tf.concat([[tf.constant(1, tf.int64)], tf.boolean_mask(values, is_it)], axis=0)[-1]

    turn = tf.constant(1, tf.int64)
    for order, prefix in form.TIFF_STARTS.items():
        turn = tf.cond(start == prefix, lambda order=order: stated(order), lambda turn=turn: turn)
    return tf.where((turn >= form.TURNS[0]) & (turn <= form.TURNS[-1]), turn, 1)


def _normal_jpeg(encoded: tf.Tensor, max_pixels: int) -> tf.Tensor:
    length = _length(encoded)
    no_length, frames = (tf.constant([byte in those for byte in range(256)]) for those in (form.NO_LENGTH, form.FRAMES))

    def step(
        at: tf.Tensor, parts: tf.Tensor, exif_at: tf.Tensor, frame_at: tf.Tensor, has_adobe: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        head = _part(encoded, at, 10)
        digits = tf.cast(tf.io.decode_raw(head, tf.uint8, fixed_length=10), tf.int64)
        marker, size, content = digits[1], 256 * digits[2] + digits[3], tf.strings.substr(head, 4, 6)
        is_junk = (digits[0] != 0xFF) | (marker == 0xFF)
        is_bare = ~is_junk & tf.gather(no_length, marker)
        ends = ~is_junk & ~is_bare & ((marker == form.SCAN) | (marker == form.END) | (size < 2))
        is_part = ~is_junk & ~is_bare & ~ends
        is_exif = is_part & (marker == form.EXIF) & (content == form.EXIF_START) & (size > 7)
        is_adobe = is_part & (marker == form.ADOBE) & (tf.strings.substr(content, 0, 5) == b"Adobe") & (size > 6)
        is_frame = is_part & tf.gather(frames, marker) & (size > 7)
        return (
            tf.where(ends, length, at + tf.where(is_junk | is_bare, tf.where(is_bare, _TWO, _ONE), 2 + size)),
            parts + tf.cast(~ends, tf.int32),
            tf.where(is_exif & (exif_at == 0), at, exif_at),
            tf.where(is_frame & (frame_at == 0), at, frame_at),
            has_adobe | is_adobe,
        )

    nowhere = tf.constant(0, tf.int64)
    _, parts, exif_at, frame_at, has_adobe = tf.while_loop(
        lambda at, parts, *_: (at + 4 <= length) & (parts < form.MAX_PARTS),
        step,
        (tf.constant(2, tf.int64), tf.constant(0), nowhere, nowhere, tf.constant(False)),
    )
    encoded = _checked(encoded, parts < form.MAX_PARTS, form.TOO_MANY_PARTS)
    encoded = _checked(encoded, frame_at > 0, "the header of a JPEG is damaged")
    encoded = _of_size(encoded, _number(encoded, frame_at + 7, 2), _number(encoded, frame_at + 5, 2), max_pixels)
    exif = _part(encoded, exif_at + 4, tf.where(exif_at > 0, _number(encoded, exif_at + 2, 2) - 2, 0))
    is_bare_cmyk = (_number(encoded, frame_at + 9, 1) == 4) & ~has_adobe
    adobe = tf.where(is_bare_cmyk, form.ADOBE_CMYK, b"")
    return _with_front(encoded, form.TURN_JPEG_AT, form.TURN_JPEG, read_turn(exif), adobe)


def _normal_png(encoded: tf.Tensor, max_pixels: int) -> tf.Tensor:
    length = _length(encoded)
    encoded = _of_size(encoded, _number(encoded, 16, 4), _number(encoded, 20, 4), max_pixels)

    def step(
        at: tf.Tensor, parts: tf.Tensor, exif_at: tf.Tensor, has_key: tf.Tensor, has_pixels: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        size, kind = _number(encoded, at, 4), _part(encoded, at + 4, 4)
        ends = kind == b"IEND"
        has_pixels |= kind == b"IDAT"
        return (
            tf.where(ends, length, at + 12 + size),
            parts + tf.cast(~ends, tf.int32),
            tf.where((kind == b"eXIf") & (exif_at == 0), at, exif_at),
            has_key | ((kind == b"tRNS") & ~has_pixels),
            has_pixels,
        )

    first, no = tf.constant(len(form.PNG_START), tf.int64), tf.constant(False)
    _, parts, exif_at, has_key, _ = tf.while_loop(
        lambda at, parts, *_: (at + 8 <= length) & (parts < form.MAX_PARTS),
        step,
        (first, tf.constant(0), tf.constant(0, tf.int64), no, no),
    )
    encoded = _checked(encoded, parts < form.MAX_PARTS, form.TOO_MANY_PARTS)
    exif = _part(encoded, exif_at + 8, tf.where(exif_at > 0, _number(encoded, exif_at, 4), 0))
    colours = _number(encoded, 25, 1)
    plain = tf.cond(
        has_key & ((colours == 0) | (colours == 2)),
        lambda: tf.io.encode_png(on_white(tf.io.decode_png(encoded, channels=RGB + 1)), compression=_FAST),
        lambda: encoded,
    )
    return _with_front(plain, form.TURN_PNG_AT, form.TURN_PNG, read_turn(exif), b"")


def _normal_gif(encoded: tf.Tensor, max_pixels: int) -> tf.Tensor:
    """Cut off what follows the first frame, and make its transparent colour white where its palette has it."""
    length = _length(encoded)
    width, height = _number(encoded, 6, 2, "little"), _number(encoded, 8, 2, "little")
    encoded = _of_size(encoded, width, height, max_pixels)
    content = tf.cast(tf.io.decode_raw(tf.strings.join([encoded, bytes(16)]), tf.uint8), tf.int64)

    def palette_bytes(flags: tf.Tensor) -> tf.Tensor:
        return tf.where(flags > 0x7F, 3 * tf.bitwise.left_shift(_TWO, flags % 8), 0)

    def step(
        at: tf.Tensor, parts: tf.Tensor, is_inside: tf.Tensor, image_at: tf.Tensor, clear: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        here = content[at : at + 10]
        is_extension, is_image = ~is_inside & (here[0] == _GIF_EXTENSION), ~is_inside & (here[0] == _GIF_IMAGE)
        is_control = is_extension & (here[1] == _GIF_CONTROL)
        after = tf.where(is_extension, at + 2, tf.where(is_image, at + 11 + palette_bytes(here[9]), length))
        return (
            tf.where(is_inside, at + 1 + here[0], after),
            parts + 1,
            tf.where(is_inside, here[0] > 0, is_extension | is_image),
            tf.where(is_image, at, image_at),
            tf.where(is_control, tf.where(here[3] % 2 > 0, here[6], -1), clear),
        )

    flags = _number(encoded, 10, 1)
    end, parts, _, image_at, clear = tf.while_loop(
        lambda at, parts, is_inside, image_at, _: (
            (at < length) & (parts < form.MAX_PARTS) & (is_inside | (image_at == 0))
        ),
        step,
        (
            13 + palette_bytes(flags),
            tf.constant(0),
            tf.constant(False),
            tf.constant(0, tf.int64),
            tf.constant(-1, tf.int64),
        ),
    )
    encoded = _checked(encoded, parts < form.MAX_PARTS, form.TOO_MANY_PARTS)
    left, top, wide, high = (_number(encoded, image_at + at, 2, "little") for at in (1, 3, 5, 7))
    fills = (image_at > 0) & (left == 0) & (top == 0) & (wide == width) & (high == height)
    encoded = _checked(encoded, fills, "the first frame of a GIF does not fill it; send a JPEG or PNG")
    shared, own = palette_bytes(flags), palette_bytes(_number(encoded, image_at + 9, 1))
    first_frame = tf.strings.join([_part(encoded, 0, 13 + shared), _part(encoded, image_at, end - image_at), b";"])
    is_clear = (clear >= 0) & (3 * clear < tf.where(own > 0, own, shared))
    at = tf.where(own > 0, 23 + shared, 13) + 3 * clear
    whitened = [_part(first_frame, 0, at), b"\xff\xff\xff", _part(first_frame, at + 3, length)]
    first_frame = tf.cond(is_clear, lambda: tf.strings.join(whitened), lambda: first_frame)
    return tf.io.encode_png(tf.io.decode_gif(first_frame)[0], compression=_FAST)


def _normal_bmp(encoded: tf.Tensor, max_pixels: int) -> tf.Tensor:
    header, width, height, depth, compression = (
        _number(encoded, at, size, "little") for at, size in ((14, 4), (18, 4), (22, 4), (28, 2), (30, 4))
    )
    height = tf.minimum(height, (1 << 32) - height)  # negative where the rows run down
    encoded = _of_size(encoded, width, height, max_pixels)
    is_plain = (header >= _BMP_HEADER_BYTES) & (depth == _BMP_DEPTH) & (compression == 0)
    encoded = _checked(encoded, is_plain, f"a BMP is read with {_BMP_DEPTH} bits a pixel alone; send a JPEG or PNG")
    return tf.io.encode_png(tf.io.decode_bmp(encoded, channels=RGB), compression=_FAST)


def _with_front(encoded: tf.Tensor, at: int, turns: tuple[bytes, ...], turn: tf.Tensor, more: tf.Tensor) -> tf.Tensor:
    """Put what turns a picture, and `more`, at the place where the normal form has it; nothing a second time."""
    front = tf.gather((b"", *turns), tf.maximum(turn - form.TURNS[0] + 1, 0))
    start, rest = tf.strings.substr(encoded, 0, at), _part(encoded, at, _length(encoded))
    return tf.strings.join([start, front, more, _without(front, rest)])


def _checked(value: tf.Tensor, holds: tf.Tensor, why: str | tf.Tensor) -> tf.Tensor:
    """Returns the value, for which a picture is refused unless `holds`."""
    with tf.control_dependencies([tf.debugging.Assert(holds, [why])]):
        return tf.identity(value)


def _of_size(value: tf.Tensor, width: tf.Tensor, height: tf.Tensor, max_pixels: int) -> tf.Tensor:
    size = [tf.as_string(width), " x ", tf.as_string(height), f" px, above {max_pixels} px in all"]
    return _checked(value, width * height <= max_pixels, tf.strings.join(size))


def _length(content: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.strings.length(content), tf.int64)


def _part(content: tf.Tensor, at: tf.Tensor | int, size: tf.Tensor | int) -> tf.Tensor:
    """Returns up to `size` bytes from `at` on, which may lie behind the end."""
    return tf.strings.substr(content, tf.minimum(tf.cast(at, tf.int64), _length(content)), tf.cast(size, tf.int64))


def _without(prefix: tf.Tensor | bytes, content: tf.Tensor) -> tf.Tensor:
    size = tf.strings.length(prefix)
    is_there = tf.strings.substr(content, 0, size) == prefix
    return _part(content, tf.where(is_there, size, 0), _length(content))


def _number(content: tf.Tensor, at: tf.Tensor | int, size: int, order: str = "big") -> tf.Tensor:
    """Returns the number that `size` bytes at `at` state; those behind the end count as 0."""
    digits = tf.cast(tf.io.decode_raw(_part(content, at, size), tf.uint8, fixed_length=size), tf.int64)
    powers = [256**power for power in range(size)]
    return tf.reduce_sum(digits * (powers if order == "little" else powers[::-1]))
