"""Training batches from real TFRecord files: shapes, fair draws, determinism, and the two ways of reading alike."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from components import schema
from models import input_pipeline
from models.config import ModelConfig
from models.input_pipeline import augment, draw_caption, training_batches
from models.tokenizer import Tokenizer
from models.training_config import TrainingConfig

IMAGES = 10
RESERVED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MODEL = ModelConfig(image_resize_px=6, image_crop_px=4, text_max_pieces=4)


def example(number: int) -> bytes:
    """Image `number` is a plain grey of 10 * number; its captions are 'w<number>' and, for even numbers, 'even'."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 10 * number, np.uint8)).save(buffer, "PNG")
    captions = [f"w{number}", "even"] if number % 2 == 0 else [f"w{number}"]
    features = {schema.IMAGE_ENCODED: [buffer.getvalue()], schema.CAPTION_TEXT: [text.encode() for text in captions]}
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=value)) for name, value in features.items()
            }
        )
    ).SerializeToString()


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    folder = tmp_path_factory.mktemp("Split-train")
    for shard in range(3):
        with tf.io.TFRecordWriter(str(folder / f"data-{shard:05d}-of-00003.gz"), "GZIP") as writer:
            for number in range(shard, IMAGES, 3):
                writer.write(example(number))
    return str(folder / "*")


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer([*RESERVED, "even", *(f"w{number}" for number in range(IMAGES))], MODEL.text_max_pieces)


@pytest.fixture(params=["kept", "streamed"])
def reading(request, monkeypatch):
    if request.param == "streamed":
        monkeypatch.setattr(input_pipeline, "MAX_KEPT_BYTES", 0)


def take(pattern, tokenizer, batches: int, **training) -> list[dict[str, np.ndarray]]:
    config = TrainingConfig(**{"steps": 100, "warmup_steps": 0, "batch": 4, **training})
    return list(training_batches([pattern], MODEL, config, tokenizer).take(batches).as_numpy_iterator())


def numbers(batch: dict[str, np.ndarray]) -> list[int]:
    """The images of a batch, read off their grey."""
    return np.round((batch["image"][:, 0, 0, 0] + 1) * 12.75).astype(int).tolist()


def test_shapes_are_static(pattern, tokenizer):
    config = TrainingConfig(steps=1, warmup_steps=0, batch=4)
    assert training_batches([pattern], MODEL, config, tokenizer).element_spec == {
        "image": tf.TensorSpec([4, 4, 4, 3], tf.float32),
        "token_ids": tf.TensorSpec([4, 4], tf.int32),
    }


def test_images_travel_with_their_own_captions(pattern, tokenizer, reading):
    seen = Counter()
    for batch in take(pattern, tokenizer, 30):
        for number, ids in zip(numbers(batch), batch["token_ids"], strict=True):
            word = tokenizer.pieces[ids[1]]
            assert word == f"w{number}" or (word == "even" and number % 2 == 0)
            assert [ids[0], *ids[2:]] == [2, 3, 0]
            seen[word] += 1
    assert set(seen) == {"even", *(f"w{number}" for number in range(IMAGES))}


def test_an_epoch_holds_an_image_at_most_once_and_epochs_differ(pattern, tokenizer, reading):
    batches = [numbers(batch) for batch in take(pattern, tokenizer, 40)]  # 2 batches of 4 of the 10 images an epoch
    epochs = [first + second for first, second in zip(batches[::2], batches[1::2], strict=True)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)
    assert set(np.concatenate(epochs)) == set(range(IMAGES))  # those left out change


def test_the_seed_alone_decides(pattern, tokenizer, reading):
    first, again, other = (take(pattern, tokenizer, 9, seed=seed) for seed in (1, 1, 2))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one["image"], two["image"])
        np.testing.assert_array_equal(one["token_ids"], two["token_ids"])
    assert [numbers(batch) for batch in first] != [numbers(batch) for batch in other]


def test_what_is_kept_in_memory_comes_in_the_same_order_whenever_iterated(pattern, tokenizer):
    config = TrainingConfig(steps=1, warmup_steps=0, batch=4)
    batches = training_batches([pattern], MODEL, config, tokenizer)
    first, again = (list(batches.take(5).as_numpy_iterator()) for _ in range(2))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one["image"], two["image"])
        np.testing.assert_array_equal(one["token_ids"], two["token_ids"])


def test_augmentations_apply_as_configured():
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (64, 6, 6, 3), dtype=np.uint8))
    plain = {"steps": 1, "warmup_steps": 0, "batch": 64, "horizontal_flip": False}

    def augmented(**fields) -> np.ndarray:
        return augment(images, 6, TrainingConfig(**{**plain, **fields}), tf.constant([1, 2])).numpy()

    untouched = augmented()
    np.testing.assert_allclose(untouched, images.numpy() / 127.5 - 1, atol=1e-6)
    for fields in ({"horizontal_flip": True}, {"min_crop_area": 0.5}, {"colour_jitter": 0.4}, {"greyscale_share": 0.5}):
        drawn = augmented(**fields)
        assert drawn.shape == untouched.shape
        assert np.abs(drawn).max() <= 1
        changed = (np.abs(drawn - untouched) > 1e-3).any(axis=(1, 2, 3)).mean()
        assert 0.3 < changed <= 1
        np.testing.assert_array_equal(drawn, augmented(**fields))


def test_each_caption_is_as_likely_as_the_next():
    captions = tf.ragged.constant([["a", "b", "c"], ["d"], ["e", "f"]])
    draws = Counter(word.decode() for step in range(600) for word in draw_caption(captions, [5, step]).numpy())
    assert draws["d"] == 600
    assert all(150 < draws[word] < 250 for word in "abc")
    assert all(250 < draws[word] < 350 for word in "ef")


def test_fewer_images_than_a_batch(pattern, tokenizer, reading):
    with pytest.raises(ValueError, match=r"training\.batch is 11, but only 10 images"):
        take(pattern, tokenizer, 1, batch=11)


def test_exactly_one_batch_of_images(pattern, tokenizer, reading):
    assert sorted(numbers(take(pattern, tokenizer, 1, batch=IMAGES)[0])) == list(range(IMAGES))


def test_no_files(tokenizer, tmp_path):
    with pytest.raises(ValueError, match="no training files match"):
        take(str(tmp_path / "*"), tokenizer, 1)
