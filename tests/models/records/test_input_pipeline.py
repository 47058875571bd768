"""Training batches from real TFRecord files: shapes, fair draws, determinism, and the two ways of reading alike."""

from __future__ import annotations

import functools
import io
from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from components import schema
from models.config import ModelConfig
from models.records.input_pipeline import draw_caption, explain_failure, fingerprint, training_batches
from models.texts.tokenizer import Tokenizer
from models.texts.trim import trim
from models.training_config import TrainingConfig

IMAGES = 10
RESERVED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WITH_IDS = {"loss": "multi_positive", "horizontal_flip": False}
MODEL = ModelConfig(image_resize_px=6, image_crop_px=4, text_max_pieces=4)


def example(number: int, image: bytes | None = None) -> bytes:
    """Image `number` is a plain grey of 10 * number; its captions are 'w<number>' and, for even numbers, 'even'."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 10 * number, np.uint8)).save(buffer, "PNG")
    captions = [f"w{number}", "even"] if number % 2 == 0 else [f"w{number}"]
    features = {
        schema.IMAGE_ENCODED: [buffer.getvalue() if image is None else image],
        schema.CAPTION_TEXT: [text.encode() for text in captions],
        schema.RECORD_NAME: [f"the-name-{number}".encode()],
    }
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


@pytest.fixture(params=[1.0, 0.0], ids=["kept", "streamed"])
def reading(request):
    """`training.kept_images_gib`: how much is kept in memory."""
    return request.param


def take(pattern, tokenizer, batches: int, *, first_step=0, worker=0, workers=1, **training):
    config = TrainingConfig(**{"steps": 100, "warmup_steps": 0, "batch": 4, **training})
    stream = training_batches(
        [pattern], MODEL, config, tokenizer, first_step=first_step, worker=worker, workers=workers
    )
    return list(stream.take(batches).as_numpy_iterator())


@pytest.fixture(scope="module")
def taken(pattern, tokenizer):
    """Returns `take`, which takes batches that several tests look at only once."""
    return functools.cache(functools.partial(take, pattern, tokenizer))


def assert_equal(batches: list[dict[str, np.ndarray]], expected: list[dict[str, np.ndarray]]) -> None:
    for one, other in zip(batches, expected, strict=True):
        assert one.keys() == other.keys()
        for name, values in one.items():
            np.testing.assert_array_equal(values, other[name])


def numbers(batch: dict[str, np.ndarray]) -> list[int]:
    """The images of a batch, read off their grey."""
    return (batch["image"][:, 0, 0, 0] // 10).tolist()


@pytest.mark.parametrize(("workers", "lengths"), [(1, None), (2, 4)])
def test_shapes_are_static_except_for_the_length_that_one_worker_cuts_to(pattern, tokenizer, workers, lengths):
    config = TrainingConfig(steps=1, warmup_steps=0, batch=4)
    assert training_batches([pattern], MODEL, config, tokenizer, workers=workers).element_spec == {
        "image": tf.TensorSpec([4 // workers, 4, 4, 3], tf.uint8),
        "token_ids": tf.TensorSpec([4 // workers, lengths], tf.int32),
    }


@pytest.mark.parametrize("workers", [1, 2])
def test_micro_batches_are_the_rows_of_their_batch_in_turn(pattern, tokenizer, reading, workers):
    """From any step on; none of their texts is cut here, so that all have one shape."""
    settings = {"batch": 8, "loss": "multi_positive", "first_step": 1, "workers": workers, "worker": workers - 1}
    whole = take(pattern, tokenizer, 5, kept_images_gib=reading, **settings)
    parts = take(pattern, tokenizer, 5 * 8 // workers // 2, kept_images_gib=reading, micro_batch=2, **settings)
    assert {batch["token_ids"].shape for batch in parts} == {(2, MODEL.text_max_pieces)}
    for name in ("image", "image_id", "caption_id"):
        found, expected = (np.concatenate([batch[name] for batch in batches]) for batches in (parts, whole))
        np.testing.assert_array_equal(found, expected)


def test_micro_batches_that_do_not_divide_a_workers_rows_are_refused(pattern, tokenizer):
    with pytest.raises(
        ValueError, match=r"training\.micro_batch is 4, which does not divide the 2 pairs that each of 2"
    ):
        take(pattern, tokenizer, 1, micro_batch=4, workers=2)


def test_a_caption_has_one_fingerprint_whatever_its_batch_was_cut_to(tokenizer, taken, reading):
    def id_of(captions: list[str]) -> list[int]:
        """Of the caption 'w1' by the pieces of a batch as the pipeline takes it, before it is cut."""
        token_ids = tokenizer(tf.constant(captions))
        assert trim(token_ids).shape[1] == (3 if len(captions) == 1 else 4)
        return fingerprint(token_ids)[0].numpy().tolist()

    short = id_of(["w1"])
    assert id_of(["w1", "w2 w3 w4"]) == short
    seen = {
        tuple(ids)
        for batch in taken(20, kept_images_gib=reading, **WITH_IDS)
        for pieces, ids in zip(batch["token_ids"], batch["caption_id"], strict=True)
        if tokenizer.pieces[pieces[1]] == "w1"
    }
    assert seen == {tuple(short)}


def test_images_travel_with_their_own_captions(tokenizer, taken, reading):
    seen = Counter()
    for batch in taken(40, kept_images_gib=reading):
        for number, ids in zip(numbers(batch), batch["token_ids"], strict=True):
            word = tokenizer.pieces[ids[1]]
            assert word == f"w{number}" or (word == "even" and number % 2 == 0)
            assert [ids[0], *ids[2:]] == [2, 3]  # three of four places: the fourth is cut
            seen[word] += 1
    assert set(seen) == {"even", *(f"w{number}" for number in range(IMAGES))}


def test_an_epoch_holds_an_image_at_most_once_and_epochs_differ(taken, reading):
    batches = [numbers(batch) for batch in taken(40, kept_images_gib=reading)]  # of 10 images: 2 batches an epoch
    epochs = [first + second for first, second in zip(batches[::2], batches[1::2], strict=True)]
    assert all(len(set(epoch)) == 8 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)
    assert set(np.concatenate(epochs)) == set(range(IMAGES))  # those left out change


def test_the_seed_alone_decides(pattern, tokenizer, taken, reading):
    config = TrainingConfig(steps=100, warmup_steps=0, batch=4, seed=1, kept_images_gib=reading)
    stream = training_batches([pattern], MODEL, config, tokenizer).take(9)
    first = list(stream.as_numpy_iterator())
    assert_equal(list(stream.as_numpy_iterator()), first)
    assert_equal(take(pattern, tokenizer, 9, kept_images_gib=reading, seed=1), first)
    assert [numbers(batch) for batch in first] != [
        numbers(batch) for batch in taken(40, kept_images_gib=reading)[:9]
    ]  # of seed 0


WHOLE = {
    "loss": "multi_positive",
    "min_crop_area": 0.5,
    "colour_jitter": 0.4,
    "greyscale_share": 0.5,
    "shuffle_buffer": 7,
}  # all that chance decides


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first_step=st.integers(0, 10))
def test_a_stream_from_any_step_is_the_undisturbed_one_from_there(pattern, tokenizer, taken, reading, first_step):
    found = take(pattern, tokenizer, 11 - first_step, kept_images_gib=reading, first_step=first_step, **WHOLE)
    assert_equal(found, taken(11, kept_images_gib=reading, **WHOLE)[first_step:])


def test_the_workers_rows_one_after_another_are_the_batch(pattern, tokenizer, taken, reading):
    workers = 4  # of two lanes: two read each
    settings = {"kept_images_gib": reading, "first_step": 1, "workers": workers, **WHOLE}
    parts = [take(pattern, tokenizer, 3, worker=worker, **settings) for worker in range(workers)]
    joined = [
        {name: np.concatenate([part[name] for part in rows]) for name in rows[0]} for rows in zip(*parts, strict=True)
    ]
    whole = taken(11, kept_images_gib=reading, **WHOLE)[1:4]
    pads = MODEL.text_max_pieces - 3  # which workers keep
    assert_equal(joined, [{**b, "token_ids": np.pad(b["token_ids"], ((0, 0), (0, pads)))} for b in whole])


def test_a_batch_that_workers_cannot_share(pattern, tokenizer):
    with pytest.raises(ValueError, match=r"training\.batch is 4, which 3 workers cannot share evenly; set it to 3 "):
        take(pattern, tokenizer, 1, workers=3)


def test_ids_tell_images_and_captions_apart(taken, reading):
    image_of, caption_of = {}, {}
    for batch in taken(20, kept_images_gib=reading, **WITH_IDS):
        assert batch["image_id"].dtype == batch["caption_id"].dtype == np.int32
        for number, pieces, image_id, caption_id in zip(
            numbers(batch), batch["token_ids"], batch["image_id"], batch["caption_id"], strict=True
        ):
            image_of.setdefault(tuple(image_id), set()).add(number)
            caption_of.setdefault(tuple(caption_id), set()).add(tuple(pieces))
    assert sorted(image_of.values(), key=min) == [{number} for number in range(IMAGES)]
    assert all(len(texts) == 1 for texts in caption_of.values())
    assert len(caption_of) == len(set.union(*caption_of.values())) == IMAGES + 1  # "even" is one, of five images


def test_a_fraction_is_the_same_images_always(pattern, tokenizer, reading):
    def seen(fraction: float, seed: int) -> set[int]:
        batches = take(pattern, tokenizer, 20, kept_images_gib=reading, batch=2, data_fraction=fraction, seed=seed)
        return {number for batch in batches for number in numbers(batch)}

    half = seen(0.5, seed=1)
    assert half == seen(0.5, seed=2)
    assert 2 <= len(half) < IMAGES


def test_fewer_images_than_a_batch_by_the_fraction(pattern, tokenizer):
    with pytest.raises(ValueError, match=r"only 0 images are left to train on by .* = 0\.1; raise training\.data_frac"):
        take(pattern, tokenizer, 1, data_fraction=0.1)


def test_each_caption_is_as_likely_as_the_next():
    captions = tf.constant(["a", "b", "c"])
    draws = [draw_caption(captions, tf.constant(place / 300, tf.float32)).numpy() for place in range(300)]
    assert Counter(draws) == {b"a": 100, b"b": 100, b"c": 100}
    assert draw_caption(captions, tf.constant(np.nextafter(np.float32(1), np.float32(0)))) == b"c"


def test_fewer_images_than_a_batch(pattern, tokenizer, reading):
    with pytest.raises(ValueError, match=r"training\.batch is 11, but only 10 images"):
        take(pattern, tokenizer, 1, kept_images_gib=reading, batch=11)


def test_exactly_one_batch_of_images(pattern, tokenizer, reading):
    assert sorted(numbers(take(pattern, tokenizer, 1, kept_images_gib=reading, batch=IMAGES)[0])) == list(range(IMAGES))


def test_no_files(tokenizer, tmp_path):
    with pytest.raises(ValueError, match="no training files match"):
        take(str(tmp_path / "*"), tokenizer, 1)


def write(path, records: list[bytes]) -> str:
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for record in records:
            writer.write(record)
    return str(path)


def test_an_image_that_does_not_decode_is_named_before_training(tokenizer, tmp_path):
    path = write(tmp_path / "a.gz", [example(1), example(2), example(3, image=b"no image"), example(4)])
    with pytest.raises(ValueError, match=rf"record 2 of {path} \(the-name-3\) does not train: Unknown image file"):
        take(path, tokenizer, 1)


def test_an_image_that_does_not_decode_is_named_where_it_streams(tokenizer, tmp_path):
    path = write(tmp_path / "a.gz", [*map(example, range(7)), example(7, image=b"no image")])
    config = TrainingConfig(steps=100, warmup_steps=0, batch=4, seed=1, kept_images_gib=0)
    batches = iter(training_batches([path], MODEL, config, tokenizer))
    step = 0
    with pytest.raises(tf.errors.InvalidArgumentError) as raised:  # noqa: PT012  either batch may hold it
        for step in range(2):  # noqa: B007
            next(batches)
    message = explain_failure([path], config, step, raised.value)
    assert message.startswith(f"record 7 of {path} (the-name-7) does not train: Unknown image file format")


def test_a_file_that_changed_while_training_is_told(tokenizer, tmp_path):
    path = write(tmp_path / "a.gz", [*map(example, range(8))])
    config = TrainingConfig(steps=100, warmup_steps=0, batch=4, kept_images_gib=0)
    stream = training_batches([path], MODEL, config, tokenizer)
    write(path, [example(1)] * 7)
    with pytest.raises(tf.errors.FailedPreconditionError) as raised:
        list(stream.take(2))
    assert "begin a new run" in explain_failure([path], config, 0, raised.value)
    assert "holds 7 records where 8 were counted" in explain_failure([path], config, 0, raised.value, counts=[8])


def test_counts_that_are_known_are_taken_and_change_nothing(pattern, tokenizer, taken, reading):
    config = TrainingConfig(steps=100, warmup_steps=0, batch=4, kept_images_gib=reading)
    stream = training_batches([pattern], MODEL, config, tokenizer, counts=[4, 3, 3])
    assert_equal(list(stream.take(6).as_numpy_iterator()), taken(40, kept_images_gib=reading)[:6])


@pytest.mark.parametrize("counted", [2, 4])
def test_other_counts_than_the_files_hold_are_told(pattern, tokenizer, counted):
    config = TrainingConfig(steps=100, warmup_steps=0, batch=4)
    with pytest.raises(ValueError, match=rf"file .*/data-00002-.* holds 3 records where {counted} were counted"):
        training_batches([pattern], MODEL, config, tokenizer, counts=[4, 3, counted])
