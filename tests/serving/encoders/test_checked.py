"""What a wrong vector ends in, and a Python object as an encoder: no framework is needed for either."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from serving.encoders.checked import CheckedEncoder
from serving.encoders.encoder import BATCH, EncodeError
from serving.encoders.python_object import ObjectEncoder


class MeanColours:
    """An image is its mean colour, a text the number of its letters in the first place; both of unit length."""

    def __init__(self):
        self.seen = []

    def encode_image(self, images):
        self.seen.append(images)
        means = [np.asarray(Image.open(io.BytesIO(image)).convert("RGB")).mean(axis=(0, 1)) for image in images]
        return unit(np.stack(means))

    def encode_text(self, texts):
        self.seen.append(texts)
        return unit([[1 + len(text), 1, 1] for text in texts])


def unit(rows):
    return np.asarray(rows, np.float64) / np.linalg.norm(rows, axis=1, keepdims=True)


def checked(wrapped, name="mine"):
    return CheckedEncoder(ObjectEncoder(wrapped, name))


def gives(*, image=None, text=None):
    """Returns an encoder whose towers return the given arrays, whatever they are asked."""

    class Fixed:
        encode_image = staticmethod(lambda images: image)
        encode_text = staticmethod(lambda texts: text)

    return checked(Fixed())


def test_an_object_encodes_in_batches_what_is_plain_to_read(coloured_png):
    wrapped = MeanColours()
    encoder = checked(wrapped)
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (6, 2), (200, 10, 10)).save(turned, "JPEG", exif=exif)
    vectors = encoder.encode_image([coloured_png(0, 0, 255), turned.getvalue()])
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors[0], [0, 0, 1])
    assert Image.open(io.BytesIO(wrapped.seen[0][1])).size == (2, 6)  # upright for what does not read EXIF
    texts = ["a" * (number % 7) for number in range(BATCH + 3)]
    np.testing.assert_allclose(encoder.encode_text(texts), unit([[1 + len(text), 1, 1] for text in texts]), rtol=1e-6)
    assert [len(batch) for batch in wrapped.seen[1:]] == [BATCH, 3]


def test_half_precision_is_unit_enough():
    vectors = gives(text=unit([[3, 4, 5], [1, 2, 9]]).astype(np.float16)).encode_text(["a", "b"])
    assert vectors.dtype == np.float32


@pytest.mark.parametrize(
    ("encoder", "sentence"),
    [
        (gives(text=[[1, 0], [np.nan, 1]]), "mine: row 1 of encode_text holds NaN or infinity"),
        (gives(text=[[1, 0], [np.inf, 1]]), "mine: row 1 of encode_text holds NaN or infinity"),
        (gives(text=[[1, 0], [3, 4]]), "mine: row 1 of encode_text has the length 5; divide each row by its length"),
        (gives(text=[[0, 0], [1, 0]]), "mine: row 0 of encode_text has the length 0; divide"),
        (gives(text=[[1, 0]]), r"mine: encode_text gave float32 \[1, 2\] for 2 inputs; it must give float32 \[2, D\]"),
        (gives(text=[1, 0]), r"mine: encode_text gave float32 \[2\] for 2 inputs"),
        (gives(text=np.zeros((2, 0))), r"mine: encode_text gave float32 \[2, 0\]"),
        (gives(text="no numbers"), "mine: encode_text raised ValueError: could not convert string to float"),
        (gives(text=None), "mine: encode_text gave no rows of one length: zero-dimensional"),
    ],
)
def test_a_wrong_vector_is_refused(encoder, sentence):
    with pytest.raises(EncodeError, match=sentence):
        encoder.encode_text(["a", "b"])


def test_later_batches_are_looked_at_too():
    class Tiring:
        encode_image = encode_text = lambda self, values: [[1.0, 0.0]] * len(values) if values == ["a"] else [[2, 0]]

    encoder = checked(Tiring())
    assert encoder.encode_text(["a"]).shape == (1, 2)
    with pytest.raises(EncodeError, match="row 0 of encode_text has the length 2"):
        encoder.encode_text(["b"])


def test_towers_of_two_sizes_are_refused(coloured_png):
    encoder = gives(image=[[1, 0, 0]], text=[[1, 0]])
    encoder.encode_image([coloured_png(1, 2, 3)])
    with pytest.raises(
        EncodeError, match="mine: encode_image gives vectors of 3 numbers, encode_text of 2; both towers"
    ):
        encoder.encode_text(["a"])


def test_what_an_object_raises_is_said_in_one_line():
    class Broken(MeanColours):
        def encode_text(self, texts):
            raise KeyError("no such\nweight")

    with pytest.raises(EncodeError, match=r"mine: encode_text raised KeyError: 'no such.*weight'$"):
        checked(Broken()).encode_text(["a"])


@pytest.mark.parametrize(
    ("wrapped", "sentence"),
    [
        (MeanColours, "mine is a class; name an object of it, such as `encoder = MeanColours\\(\\)`"),
        (object(), "mine is a object without encode_image"),
        (3, "mine is a int without encode_image; an encoder has encode_image and encode_text"),
    ],
)
def test_what_is_no_encoder_is_refused(wrapped, sentence):
    with pytest.raises(EncodeError, match=sentence):
        checked(wrapped)


def test_the_fingerprint_is_what_the_object_says_or_what_it_answers():
    class Named(MeanColours):
        fingerprint = "v1"

    class Misnamed(MeanColours):
        fingerprint = 1

    class Other(MeanColours):
        def encode_text(self, texts):
            return unit([[2 + len(text), 1, 1] for text in texts])

    assert checked(Named()).fingerprint == checked(Named()).fingerprint
    assert checked(Named()).fingerprint != checked(Named(), "another model").fingerprint
    with pytest.raises(EncodeError, match="mine has fingerprint = 1; give a string"):
        _ = checked(Misnamed()).fingerprint
    first, again, other = (checked(wrapped).fingerprint for wrapped in (MeanColours(), MeanColours(), Other()))
    assert len(first) == 64
    assert first == again != other


def test_an_object_that_says_no_fingerprint_is_known_to_this_process_alone():
    class Named(MeanColours):
        fingerprint = "v1"

    assert checked(Named()).is_lasting
    assert not checked(MeanColours()).is_lasting


def test_an_object_may_say_its_temperature():
    assert checked(MeanColours()).temperature is None
    for said in (0.0156, "warm", -1):
        wrapped = MeanColours()
        wrapped.temperature = said
        if said == 0.0156:
            assert checked(wrapped).temperature == said
            continue
        with pytest.raises(EncodeError, match=f"mine: temperature is {said!r}; cosines are divided by it"):
            _ = checked(wrapped).temperature


def test_an_object_that_becomes_another_model_is_found_out():
    class Drifting(MeanColours):
        shift = 0.0

        def encode_text(self, texts):
            return unit([[1 + len(text) + self.shift, 1, 1] for text in texts])

    class Named(MeanColours):
        fingerprint = "v1"

    drifting, named = Drifting(), Named()
    encoders = checked(drifting), checked(named)
    for encoder in encoders:
        assert encoder.fingerprint
        encoder.confirm()
    drifting.shift = 1e-5  # what rounding in a batch of another size may come to
    encoders[0].confirm()
    drifting.shift = 1.0
    with pytest.raises(EncodeError, match="mine is another model now"):
        encoders[0].confirm()
    named.fingerprint = "v2"
    with pytest.raises(EncodeError, match="mine had fingerprint = 'v1' and has 'v2' now"):
        encoders[1].confirm()
