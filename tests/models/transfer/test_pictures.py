"""Which pictures can be used, in which order they come, and what is cut out of each."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from models.images import preprocessing
from models.transfer.pictures import BROKEN, UNREADABLE, Images, cut_out, judged_batches, look, training_batches
from models.transfer.recipes import Phase
from models.transfer.schedules import Cosine

PX = 16  # one graph for all
PHASE = Phase(
    trains="head",
    statistics="frozen",
    schedule=Cosine(0.1, 3),
    backbone_share=1.0,
    batch=2,
    steps=4,
    train_px=PX,
    cut="whole",
    weight_decay=0.0,
)
SIDE = 120


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def plain(value: int) -> bytes:
    return png(np.full([6, 8, 3], value, np.uint8))


def images(*encoded: bytes) -> Images:
    return Images([lambda each=each: each for each in encoded], np.arange(len(encoded), dtype=np.int64))


def gone() -> bytes:
    raise FileNotFoundError("gone.jpg")


def test_pictures_that_cannot_be_used_are_counted_by_reason():
    found = look(Images([lambda: plain(1), gone, lambda: b"no picture", lambda: plain(2)], np.arange(4)))
    assert found.rows.tolist() == [0, 3]
    assert found.skipped == {UNREADABLE: 1, BROKEN: 1}
    chosen = images(plain(1), plain(2), plain(3)).chosen(np.array([2, 0]))
    assert (chosen.labels.tolist(), chosen.pictures[0]()) == ([2, 0], plain(3))


def test_pictures_are_known_by_what_they_hold_and_their_order():
    digests = [look(images(*(plain(value) for value in values))).digest for values in ((1, 2), (1, 2), (2, 1), (1, 3))]
    assert digests[0] == digests[1]
    assert len({*digests}) == 3


def test_each_epoch_takes_each_image_once_and_drops_the_rest():
    five = images(*(plain(value) for value in range(5)))
    batches = list(training_batches(five, PHASE, (0,)))
    assert [labels.shape for _, labels in batches] == [(2,)] * 4
    for pixels, labels in batches:
        assert pixels.shape == (2, PX, PX, 3)
        np.testing.assert_array_equal(pixels[:, 0, 0, 0], labels)  # an image is what its label says
    first, second = (np.concatenate([labels for _, labels in batches[half]]) for half in (slice(2), slice(2, 4)))
    assert len(set(first)) == len(set(second)) == 4


def test_the_order_is_that_of_the_seed():
    many = images(*(plain(value) for value in range(20)))
    phase = replace(PHASE, batch=10, cut="inception")
    told = [
        [labels.numpy().tolist() for _, labels in training_batches(many, phase, seed)] for seed in ((0,), (0,), (1,))
    ]
    assert told[0] == told[1]
    assert told[0] != told[2]


def test_a_judged_image_is_what_evaluation_makes_of_it():
    chance = np.random.default_rng(0)
    three = images(*(png(chance.integers(0, 256, [20 + each, 30, 3], dtype=np.uint8)) for each in range(3)))
    found = np.concatenate(list(judged_batches(three, px=14, share=0.875, batch=2)))
    wanted = preprocessing.preprocess(tf.constant([picture() for picture in three.pictures]), 16, 14)
    np.testing.assert_array_equal(preprocessing.scale(tf.constant(found)), wanted)


@pytest.fixture(scope="module")
def places() -> bytes:
    """A picture whose red says how far right a pixel is and whose green how far down, twice as much."""
    ramp = np.arange(SIDE, dtype=np.uint8) * 2
    pixels = np.zeros([SIDE, SIDE, 3], np.uint8)
    pixels[..., 0], pixels[..., 1] = ramp, ramp[:, None]
    return png(pixels)


def cut(encoded: bytes, number: int, how: str = "inception") -> tf.Tensor:
    return cut_out(tf.constant(encoded), how, PX, tf.constant([7, number], tf.int64))


def test_an_inception_crop_has_the_areas_and_shapes_of_its_paper(places):
    shares, ratios, mirrored = [], [], 0
    for number in range(150):
        crop = cut(places, number).numpy().astype(float)
        across, down = crop[0, -1, 0] - crop[0, 0, 0], crop[-1, 0, 1] - crop[0, 0, 1]
        mirrored += across < 0
        width, height = (abs(each) / 2 * PX / (PX - 1) for each in (across, down))  # from centre to centre, to sides
        shares.append(width * height / SIDE**2)
        ratios.append(width / height)
    assert 0.07 < min(shares) < 0.2
    assert 0.85 < max(shares) < 1.01
    assert 0.72 < min(ratios) < 0.8
    assert 1.25 < max(ratios) < 1.37
    assert 55 < mirrored < 95
    np.testing.assert_array_equal(cut(places, 1), cut(places, 1))


def test_a_whole_image_is_resized_and_not_mirrored(places):
    whole = cut(places, 1, "whole")
    np.testing.assert_array_equal(whole, preprocessing.decode_and_resize(tf.constant(places), PX))
