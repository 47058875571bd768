"""Training batches: from the TFRecord files of an Examples artifact to tensors of static shape.

Legend: G images in a batch over all replicas, R model.image_resize_px, S model.image_crop_px, L model.text_max_pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from components import schema
from models import augmentation, preprocessing
from models.config import ModelConfig
from models.tokenizer import Tokenizer
from models.training_config import TrainingConfig

MAX_KEPT_BYTES = 1 << 30  # resized images up to this are kept in memory, so that none is decoded twice
MAX_OPEN_FILES = 16

_FEATURES = {
    schema.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string),
    schema.CAPTION_TEXT: tf.io.RaggedFeature(tf.string),
}


def training_batches(
    patterns: Sequence[str], model: ModelConfig, training: TrainingConfig, tokenizer: Tokenizer
) -> tf.data.Dataset:
    """Stream batches without end, in an order and with random choices that `training.seed` decides.

    Each epoch shuffles the images anew and leaves out the rest that fills no batch; so an image occurs at most once
    in a batch. One caption of each image is drawn every time. Two images of one batch may still share a caption or
    its meaning, which makes false negatives: label smoothing is the paper's remedy.

    Images that fit into MAX_KEPT_BYTES are decoded once and shuffled over the whole data, and batch k depends on
    (seed, k) alone. More of them stream through a buffer of `training.shuffle_buffer`, and iterating over the same
    data set again shuffles it in another way.

    Args:
      patterns: file patterns of gzip-compressed TFRecords of Examples as in components/schema.py.
      model: sizes of images and texts.
      training: batch, seed, shuffling and mirroring.
      tokenizer: of the captions.

    Returns:
      A data set of {"image": [G, S, S, 3] float32 in [-1, 1], "token_ids": [G, L] int32}.

    Raises:
      ValueError: where no file matches, or the files hold fewer images than one batch.
    """
    files = sorted(file for pattern in patterns for file in tf.io.gfile.glob(pattern))
    if not files:
        raise ValueError(f"no training files match {list(patterns)}; point at the Examples of the train split")
    keepable = MAX_KEPT_BYTES // (model.image_resize_px**2 * preprocessing.RGB)
    images = _count_up_to(files, max(training.batch, keepable + 1))
    if images < training.batch:
        raise ValueError(
            f"training.batch is {training.batch}, but only {images} images are left to train on; set training.batch to "
            f"at most {images} or keep more images in the filter"
        )
    read = _kept_in_memory if images <= keepable else _streamed

    def finish(step: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        seeds = tf.random.split([tf.constant(training.seed, tf.int64), step], 2)
        images = augment(batch["image"], model.image_crop_px, training, seeds[0])
        captions = tf.ensure_shape(draw_caption(batch["captions"], seeds[1]), [training.batch])
        return {"image": images, "token_ids": tokenizer(captions)}

    batches = read(files, model, training).enumerate()
    return batches.map(finish, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def augment(images: tf.Tensor, crop_px: int, training: TrainingConfig, seed: tf.Tensor) -> tf.Tensor:
    """Make model inputs of resized images as configured; [G, R, R, 3] uint8 -> [G, S, S, 3] float32 in [-1, 1]."""
    crop, flip, colours, grey = tf.unstack(tf.random.split(seed, 4))
    if training.min_crop_area is None:
        crops = augmentation.random_crop(images, crop_px, crop)
    else:
        crops = augmentation.random_resized_crop(images, crop_px, training.min_crop_area, crop)
    scaled = preprocessing.scale(crops)
    if training.horizontal_flip:
        scaled = augmentation.random_flip(scaled, flip)
    if training.colour_jitter:
        scaled = augmentation.random_colours(scaled, training.colour_jitter, colours)
    if training.greyscale_share:
        scaled = augmentation.random_greyscale(scaled, training.greyscale_share, grey)
    return scaled


def draw_caption(captions: tf.RaggedTensor, seed: tf.Tensor) -> tf.Tensor:
    """Draw one caption of each image, each as likely as the next; ragged [G, (captions)] -> [G] strings."""
    counts = captions.row_lengths()
    share = tf.random.stateless_uniform(tf.shape(counts), seed, dtype=tf.float64)  # in [0, 1)
    choice = tf.cast(share * tf.cast(counts, tf.float64), counts.dtype)
    return tf.gather(captions.flat_values, captions.row_starts() + choice)


def _count_up_to(files: Sequence[str], limit: int) -> int:
    """Count Examples without reading more than `limit` of them."""
    counted = tf.data.TFRecordDataset(files, "GZIP").take(limit).reduce(tf.constant(0, tf.int64), lambda n, _: n + 1)
    return int(counted)


def _kept_in_memory(files: Sequence[str], model: ModelConfig, training: TrainingConfig) -> tf.data.Dataset:
    """Decode all images now and draw {"image": [G, R, R, 3], "captions": [G, (captions)]} from them without end."""
    records = tf.data.TFRecordDataset(files, "GZIP")
    images = int(records.reduce(tf.constant(0, tf.int64), lambda n, _: n + 1))
    everything = next(iter(_decode(records, model).ragged_batch(images)))
    batches_per_epoch = images // training.batch

    def draw(step: tf.Tensor) -> dict[str, tf.Tensor]:
        epoch, place = step // batches_per_epoch, step % batches_per_epoch
        places = place * training.batch + tf.range(training.batch, dtype=tf.int64)
        rows = tf.random.experimental.index_shuffle(places, [training.seed, epoch], images - 1)
        return {name: tf.gather(values, rows) for name, values in everything.items()}

    return tf.data.Dataset.counter().map(draw, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def _streamed(files: Sequence[str], model: ModelConfig, training: TrainingConfig) -> tf.data.Dataset:
    """Read several files at a time, in another order each epoch, into batches as `_kept_in_memory` gives them."""
    records = (
        tf.data.Dataset.from_tensor_slices(list(files))
        .shuffle(len(files), training.seed)
        .interleave(
            lambda file: tf.data.TFRecordDataset(file, "GZIP"),
            cycle_length=min(len(files), MAX_OPEN_FILES),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .shuffle(training.shuffle_buffer, training.seed)
    )
    return _decode(records, model).ragged_batch(training.batch, drop_remainder=True).repeat()


def _decode(records: tf.data.Dataset, model: ModelConfig) -> tf.data.Dataset:
    """Make {"image": [R, R, 3] uint8, "captions": [(captions)] string} of serialized Examples."""

    def decode(record: tf.Tensor) -> dict[str, tf.Tensor]:
        example = tf.io.parse_single_example(record, _FEATURES)
        return {
            "image": preprocessing.decode_and_resize(example[schema.IMAGE_ENCODED], model.image_resize_px),
            "captions": example[schema.CAPTION_TEXT],
        }

    return records.map(decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
