"""Moves tar shards into Examples: one shard is one element of the Beam job and becomes one file in each of its splits.

No image is shuffled between workers: a shard is read, checked and written by one of them, so shards are the grain of
parallelism (img2dataset's usual ten thousand images a shard suit). Counts travel as data, not as Beam metrics, which a
retried bundle would add twice.

How things are counted. A record counts as one image in the split that it goes to. Where one pile is divided by hash, a
dropped record counts in the split that its image's bytes would choose, or its name where it has no image. Captions are
read only once the image and its metadata are found good, so those of a dropped image are in no count, except where the
image is dropped because none of its captions is usable: these are counted under their own reasons.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems
from PIL import Image
from tfx.dsl.components.base import base_beam_executor
from tfx.types import Artifact, artifact_utils

from components import example_files, schema
from components.artifacts import INGEST_REPORT_FILE
from components.counts import CAPTIONS, IMAGES, Counts, merge
from components.pair_example_gen import reasons
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.images import Picture
from components.pair_example_gen.reasons import Refused
from components.pair_example_gen.records import (
    Captions,
    image_member,
    read_captions,
    read_label,
    read_metadata,
    read_picture,
    split_of,
)
from components.pair_example_gen.shards import find_shards, shard_name
from components.pair_example_gen.tar_reader import Record, read_records
from components.publishing import draft_folder, publish

TOP_REASONS = 3


@dataclass(frozen=True)
class ShardTask:
    """One shard to ingest.

    Attributes:
      path: where to read it.
      name: how messages name it.
      outputs: split -> path of the file to write.
      shares: split -> weight of the hash split; one entry where the shard belongs to one split.
    """

    path: str
    name: str
    outputs: Mapping[str, str]
    shares: Mapping[str, int]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Ingest all shards and report what was read, kept and dropped."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write the Examples and the report.

        Args:
          input_dict: empty.
          output_dict: "examples" (Examples) and "report" (IngestReport).
          exec_properties: "ingest", an IngestConfig as JSON.

        Raises:
          ValueError: where there are no shards, or the train split ends up empty.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        config = IngestConfig(**json.loads(exec_properties["ingest"]))
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        report = artifact_utils.get_single_instance(output_dict["report"])
        example_files.describe(examples, config.split_names)
        tasks = plan(config, examples)
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Shards" >> beam.Create(tasks)
                | "Spread" >> beam.Reshuffle()
                | "Ingest" >> beam.ParDo(IngestShard(config, example_files.aside_folder(examples)))
                | "AddUp" >> beam.CombineGlobally(merge)
                | "HandOver" >> beam.ParDo(example_files.HandOverCounts(report))
            )
        counts = example_files.collect_counts(report)
        publish(examples, report)
        example_files.write_json(
            posixpath.join(report.uri, INGEST_REPORT_FILE),
            {"splits": counts.report_splits(config.split_names), "samples": counts.report_samples()},
        )
        for name, total in counts.totals().items():
            report.set_int_custom_property(name, total)
        refuse_empty_train(counts, config)


def plan(config: IngestConfig, examples: Artifact) -> list[ShardTask]:
    """Decide which shard is written to which files; the same shards give the same names."""
    tasks = []
    for split, paths in find_shards(config).items():
        shares = dict(config.hash_split) or {split: 1}
        for index, path in enumerate(paths):
            name = example_files.file_name(index, len(paths))
            outputs = {to: posixpath.join(draft_folder(examples, to), name) for to in shares}
            tasks.append(ShardTask(path, shard_name(config, path), outputs, shares))
    return tasks


def refuse_empty_train(counts: Counts, config: IngestConfig) -> None:
    """Raise ValueError where nothing is left to train on, naming the folder and the commonest reasons."""
    tally = counts.tally(schema.TRAIN_SPLIT, IMAGES)
    if tally.kept:
        return
    top = sorted(tally.dropped.items(), key=lambda item: (-item[1], item[0]))[:TOP_REASONS]
    why = ", ".join(f"{reason} {number}" for reason, number in top) or "none was there"
    raise ValueError(
        f"ingest.shards is {config.shards!r}, of which no image reached the split {schema.TRAIN_SPLIT!r}: "
        f"{tally.read} read, dropped as {why}; check the shards and that ingest.captions = {dict(config.captions)} "
        "names fields that they have"
    )


class IngestShard(beam.DoFn):
    """Read one shard, write its files, yield its counts."""

    def __init__(self, config: IngestConfig, aside: str) -> None:
        self._config = config
        self._aside = aside

    def setup(self) -> None:
        Image.MAX_IMAGE_PIXELS = None  # ingest.max_image_pixels takes the place of Pillow's own limit

    def process(self, task: ShardTask) -> Iterator[Counts]:
        counts = Counts()
        with contextlib.ExitStack() as files:
            write = {
                split: files.enter_context(example_files.writing(path, self._aside))
                for split, path in task.outputs.items()
            }
            for record in read_records(files.enter_context(FileSystems.open(task.path))):
                self._ingest(record, task, write, counts)
        yield counts

    def _ingest(
        self, record: Record, task: ShardTask, write: Mapping[str, Callable[[bytes], None]], counts: Counts
    ) -> None:
        name = _printable(f"{task.name}#{record.key}")
        captions = Captions()
        try:
            picture = read_picture(record, self._config.max_image_pixels, decode_as_training_does)
            metadata = read_metadata(record, self._config.captions, self._config.label_field)
            label = read_label(metadata, self._config.label_field)
            captions = read_captions(record, metadata, self._config.captions)
            if not captions.kept:
                fields = ", ".join(self._config.captions)
                raise Refused(reasons.NO_CAPTION, f"{len(captions.refused)} unusable in the fields {fields}")
            split = split_of(picture.encoded, task.shares)
            write[split](to_example(picture, captions, label, name, split))
            counts.kept[split, IMAGES] += 1
            counts.kept[split, CAPTIONS] += len(captions.kept)
        except Refused as refused:
            identity = record.members.get(image_member(record)) or name.encode()
            split = split_of(identity, task.shares)
            counts.drop(split, IMAGES, refused.reason, name, _printable(refused.detail))
        counts.read[split, IMAGES] += 1
        counts.read[split, CAPTIONS] += len(captions.kept) + len(captions.refused)
        for caption in captions.refused:
            counts.drop(split, CAPTIONS, caption.reason, name, _printable(caption.detail))


def decode_as_training_does(encoded: bytes) -> None:
    """Decode with the operation that the model's preprocessing uses; raises ValueError where it fails."""
    try:
        tf.io.decode_image(encoded, expand_animations=False)
    except tf.errors.OpError as error:
        raise ValueError(error.message.partition("\n")[0]) from error


def to_example(picture: Picture, captions: Captions, label: str, name: str, split: str) -> bytes:
    """Returns a serialized tf.train.Example of schema.FEATURES; the same pair gives the same bytes."""
    values: dict[str, list[bytes] | list[int]] = {
        schema.IMAGE_ENCODED: [picture.encoded],
        schema.IMAGE_SHA256: [hashlib.sha256(picture.encoded).hexdigest().encode()],
        schema.IMAGE_WIDTH: [picture.width],
        schema.IMAGE_HEIGHT: [picture.height],
        schema.CAPTION_TEXT: [caption.text.encode() for caption in captions.kept],
        schema.CAPTION_LANGUAGE: [caption.language.encode() for caption in captions.kept],
        schema.CLASS_LABEL: [label.encode()],
        schema.RECORD_NAME: [name.encode()],
        schema.SPLIT: [split.encode()],
    }
    example = tf.train.Example()
    for feature in schema.FEATURES:
        target = example.features.feature[feature.name]
        kind = target.bytes_list if feature.dtype == "bytes" else target.int64_list
        kind.value.extend(values[feature.name])
    return example.SerializeToString(deterministic=True)


def _printable(text: str) -> str:
    """Returns a text that UTF-8 can hold, whatever bytes a member's name or a message was made of."""
    return text.encode("utf-8", "backslashreplace").decode()
