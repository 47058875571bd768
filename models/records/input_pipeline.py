"""Training batches: from the TFRecord files of an Examples artifact to tensors of static shape, from any step on.

Legend: G pairs in a batch over all workers, B those of this worker, M training.micro_batch, N images in all,
R model.image_resize_px, S model.image_crop_px, L model.text_max_pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

from components import schema
from models.config import ModelConfig
from models.images import augmentation, preprocessing
from models.records.record_files import (
    FEATURES,
    count_records,
    find_files,
    first_line,
    name_broken_record,
    name_miscounted_file,
    read_file,
)
from models.records.record_order import RecordOrder, records_in_order
from models.texts.tokenizer import Tokenizer
from models.texts.trim import trim
from models.training_config import TrainingConfig

_GIB = 1 << 30
PREFETCHED_BYTES = 256 << 20  # batches up to this wait ready; one does in any case, in micro-batches if it has them

_MAX_PREFETCHED = 4


def training_batches(
    patterns: Sequence[str],
    model: ModelConfig,
    training: TrainingConfig,
    tokenizer: Tokenizer,
    *,
    first_step: int = 0,
    worker: int = 0,
    workers: int = 1,
    counts: Sequence[int] | None = None,
) -> tf.data.Dataset:
    """Stream the batches of `first_step`, of the next step, and so on without end; each as micro-batches if set.

    Batch k and all that chance does to it follow from the files, the config and k alone: a stream that begins at a
    step gives what an undisturbed one gives from there, and the workers' rows, one after another, are the batch that
    one worker gets.

    Each epoch shuffles the images anew and leaves out the rest that fills no batch; so an image occurs at most once
    in a batch. One caption of each image is drawn every time. Two images of one batch may still share a caption or
    its meaning, which makes false negatives: label smoothing is the paper's remedy, the loss "multi_positive" another.

    Images that fit into `training.kept_images_gib` are decoded once, and shuffled over the whole data. More of them
    stream as `record_order` says: encoded images are shuffled, `training.shuffle_buffer` of them at most are
    held, and a worker decodes its own rows only. Beginning at a later step decodes nothing before it.

    Args:
      patterns: file patterns of gzip-compressed TFRecords of Examples as in components/schema.py.
      model: sizes of images and texts.
      training: batch, seed, shuffling, the share of the data, augmentation; the loss decides whether ids are needed.
      tokenizer: of the captions.
      first_step: k of the first batch.
      worker: this one's number, from 0.
      workers: that share each batch.
      counts: of the records of each file that are used, where that is known; null reads all files once to know.

    Returns:
      A data set of {"image": [B, S, S, 3] uint8, "token_ids": [B, L] int32} and, for the loss "multi_positive",
      {"image_id": [B, 2] int32, "caption_id": [B, 2] int32}: halves of 64-bit fingerprints of the encoded image and of
      the caption's pieces. One worker alone cuts token_ids as `trim` does; workers take a step together, each
      with the same graph, and do not know each other's captions. Where M is set, the B / M micro-batches of a batch
      follow each other instead, [M, ...] each, and are not cut here.

    Raises:
      ValueError: where no file matches, a file is broken, an image that is to be kept in memory does not decode, the
        workers cannot share a batch evenly, or the files hold fewer images than one batch.
      tf.errors.FailedPreconditionError: when iterated, where a file that streams does not hold what was counted.
    """
    rows = _rows(training, worker, workers)
    files = find_files(patterns)
    counts = tuple(counts or count_records(files, training.data_fraction))
    _check_enough(sum(counts), training)
    share = len(rows)
    size = training.micro_batch or share
    if share % size:
        raise ValueError(
            f"training.micro_batch is {size}, which does not divide the {share} pairs that each of {workers} workers "
            f"has of training.batch = {training.batch}; set it to a divisor of {share}, or to null"
        )
    cuts = workers == 1 and training.micro_batch is None
    if sum(counts) * model.image_resize_px**2 * preprocessing.RGB <= training.kept_images_gib * _GIB:
        draw = _draw_from_memory(files, counts, model, training)
        pairs = _numbers(first_step, rows, training.batch).map(draw, tf.data.AUTOTUNE, deterministic=True)
    else:
        records = _stream(files, counts, training, first_step, rows)
        numbered = tf.data.Dataset.zip((_numbers(first_step, rows, training.batch), records))
        pairs = numbered.map(_decoder(model, training), tf.data.AUTOTUNE, deterministic=True)

    def finish(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        token_ids = tf.ensure_shape(tokenizer(batch["caption"]), [size, model.text_max_pieces])
        finished = {"image": batch["image"], "token_ids": trim(token_ids) if cuts else token_ids}
        if "image_id" in batch:
            finished |= {"image_id": batch["image_id"], "caption_id": fingerprint(token_ids)}
        return finished

    batch_bytes = share * model.image_crop_px**2 * preprocessing.RGB
    ready = min(max(1, PREFETCHED_BYTES // batch_bytes), _MAX_PREFETCHED)
    unhurried = tf.data.Options()
    unhurried.experimental_optimization.map_parallelization = False  # it would hold batches beyond those
    batches = pairs.batch(size, drop_remainder=True).map(finish).prefetch(ready * share // size)
    return batches.with_options(unhurried)


def explain_failure(
    patterns: Sequence[str],
    training: TrainingConfig,
    step: int,
    error: tf.errors.OpError,
    worker: int = 0,
    workers: int = 1,
    counts: Sequence[int] | None = None,
) -> str:
    """Returns a sentence that names what is broken where the batch of `step` could not be made.

    Args:
      patterns, training, worker, workers, counts: as training_batches has them.
      step: k of the batch.
      error: what iterating raised.
    """
    files = find_files(patterns)
    if counts is None:
        counts = count_records(files, training.data_fraction)  # which names a file that is broken
        _check_enough(sum(counts), training)
    elif miscounted := name_miscounted_file(files, training.data_fraction, counts):
        return miscounted
    rows = _rows(training, worker, workers)
    try:
        named = name_broken_record(
            files, _stream(files, counts, training, step, rows).take(len(rows)).as_numpy_iterator()
        )
    except tf.errors.OpError as again:
        error, named = again, None
    return named or (
        f"the batch of step {step} could not be made ({first_line(error)}), and no record of it is broken now; where "
        "the training files changed meanwhile, begin a new run"
    )


def draw_caption(captions: tf.Tensor, draw: tf.Tensor) -> tf.Tensor:
    """Draw one of an image's captions, each as likely as the next; [captions] strings, `draw` in [0, 1) -> scalar."""
    return captions[tf.cast(draw * tf.cast(tf.size(captions), tf.float32), tf.int32)]


def fingerprint(values: tf.Tensor) -> tf.Tensor:
    """Returns the halves of each row's 64-bit fingerprint; [N] strings or [N, L] int32 -> [N, 2] int32."""
    rows = values if values.shape.rank == 2 else values[:, tf.newaxis]
    return tf.bitcast(tf.reshape(tf.fingerprint(rows), [-1, 2, 4]), tf.int32)


def _rows(training: TrainingConfig, worker: int, workers: int) -> range:
    """Returns the rows of each batch that are a worker's."""
    if training.batch % workers:
        raise ValueError(
            f"training.batch is {training.batch}, which {workers} workers cannot share evenly; set it to "
            f"{max(training.batch // workers, 1) * workers} or another multiple of {workers}"
        )
    share = training.batch // workers
    return range(worker * share, (worker + 1) * share)


def _check_enough(images: int, training: TrainingConfig) -> None:
    if images >= training.batch:
        return
    used = "" if training.data_fraction == 1 else f" by training.data_fraction = {training.data_fraction}"
    more = "keep more images in the filter" if training.data_fraction == 1 else "raise training.data_fraction"
    left = f"only {images} {'image is' if images == 1 else 'images are'} left to train on{used}"
    smaller = f"set training.batch to at most {images} or " if images > 1 else ""  # a pair needs another
    raise ValueError(f"training.batch is {training.batch}, but {left}; {smaller}{more}")


def _numbers(first_step: int, rows: range, batch: int) -> tf.data.Dataset:
    """Count the pairs of training: row r of batch k is number k G + r, of which all that chance does to it follows."""

    def number(index: tf.Tensor) -> tf.Tensor:
        step, row = index // len(rows), index % len(rows)
        return step * batch + rows.start + row

    return tf.data.Dataset.counter(first_step * len(rows)).map(number)


def _draw_from_memory(
    files: Sequence[str], counts: Sequence[int], model: ModelConfig, training: TrainingConfig
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Decode all images now; returns what makes pair `number` of training from them."""
    images = sum(counts)
    stored = _records(files, training).map(_reader(model, training), tf.data.AUTOTUNE, deterministic=True)
    try:
        everything = next(iter(stored.ragged_batch(images + 1)))  # each value [N, ...]
    except tf.errors.OpError as error:
        raise ValueError(
            name_broken_record(files, _records(files, training).as_numpy_iterator())
            or f"the training files cannot be read ({first_line(error)}); write them again"
        ) from error
    if len(everything["image"]) != images:
        raise ValueError(
            name_miscounted_file(files, training.data_fraction, counts)
            or "a training file changed while it was read; run again"
        )
    drawn_per_epoch = images // training.batch * training.batch

    def draw(number: tf.Tensor) -> dict[str, tf.Tensor]:
        epoch, place = number // drawn_per_epoch, number % drawn_per_epoch
        row = tf.random.experimental.index_shuffle(place, [training.seed, epoch], images - 1)
        stored = {name: values[row] for name, values in everything.items()}
        draws = _draws(number, training)
        image = augmentation.augment(stored.pop("image"), model.image_crop_px, training, draws[1:])
        return _pair(image, stored, draws)

    return draw


def _records(files: Sequence[str], training: TrainingConfig) -> tf.data.Dataset:
    """Read all records that are used, in order."""
    paths = tf.data.Dataset.from_tensor_slices(list(files))
    return paths.flat_map(lambda path: read_file(path, training.data_fraction))


def _stream(
    files: Sequence[str], counts: Sequence[int], training: TrainingConfig, first_step: int, rows: range
) -> tf.data.Dataset:
    """Stream the records of rows of batch `first_step`, of the next, and so on."""
    order = RecordOrder(tuple(counts), training.batch, training.shuffle_buffer, training.seed)

    def read(path: tf.Tensor) -> tf.data.Dataset:
        return read_file(path, training.data_fraction)

    return records_in_order(files, order, read, first_batch=first_step, rows=rows)


def _reader(model: ModelConfig, training: TrainingConfig) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Returns what makes {"image": [R, R, 3] uint8} and what `_parse` gives of a serialized Example."""

    def read(record: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded, values = _parse(record, training)
        return {"image": preprocessing.decode_and_resize(encoded, model.image_resize_px), **values}

    return read


def _decoder(model: ModelConfig, training: TrainingConfig) -> Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]:
    """Returns what makes pair `number` of training from its record."""

    def decode(number: tf.Tensor, record: tf.Tensor) -> dict[str, tf.Tensor]:
        encoded, values = _parse(record, training)
        draws = _draws(number, training)
        image = augmentation.augment_encoded(encoded, model.image_resize_px, model.image_crop_px, training, draws[1:])
        return _pair(image, values, draws)

    return decode


def _parse(record: tf.Tensor, training: TrainingConfig) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Returns a serialized Example's encoded image and {"captions": [(captions)] string}.

    And "image_id": [2] int32 where the loss asks for it.
    """
    example = tf.io.parse_single_example(record, FEATURES)
    encoded = example[schema.IMAGE_ENCODED]
    values = {"captions": example[schema.CAPTION_TEXT]}
    if training.loss == "multi_positive":
        values["image_id"] = fingerprint(encoded[tf.newaxis])[0]
    return encoded, values


def _draws(number: tf.Tensor, training: TrainingConfig) -> tf.Tensor:
    """Draw what chance has for pair `number` of training: [1 + augmentation.DRAWS] in [0, 1), the caption's first."""
    seed = tf.stack([tf.constant(training.seed, tf.int64), number])
    return tf.random.stateless_uniform([1 + augmentation.DRAWS], seed)


def _pair(image: tf.Tensor, values: dict[str, tf.Tensor], draws: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns an augmented image with one of its captions."""
    captions = values.pop("captions")
    return {"image": image, "caption": draw_caption(captions, draws[0]), **values}
