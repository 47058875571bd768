"""The report's test data as fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from report_samples import FILTER, HISTORY, INGEST, METRICS, SERVING, VOCABULARY, events_of, png
from tfx_pipeline.report.contents import Contents, Evaluation
from tfx_pipeline.report.example_answers import (
    Answer,
    Question,
    SplitAnswers,
    make_thumbnail,
)
from tfx_pipeline.runs.run_record import RunRecord, record_of
from tfx_pipeline.settings.config import Config


@pytest.fixture
def record(tmp_path) -> RunRecord:
    return record_of(tmp_path / "tiny" / "runs" / "r1", events_of({}))


@pytest.fixture
def contents(record) -> Contents:
    thumbnail = make_thumbnail(png("red"))
    answers = (Answer(0.91, True, "red & round", thumbnail), Answer(0.5, False, "blue", None))
    asked = Question("a red ball", answers, rank=1)
    image = Question("red & round", (Answer(0.7, False, "blue"), Answer(0.6, True, "red & round")), 2, thumbnail)
    config = Config().to_mapping()
    config["evaluation"]["min_metrics"] = {"seen/t2i_recall_at_10": 0.3, "seen/zero_shot_top_1": 0.5}
    config["training"]["batch"] = 256
    return Contents(
        record=record,
        config=config,
        config_text=yaml.safe_dump(config),
        ingest=INGEST,
        filter=FILTER,
        vocabulary=VOCABULARY,
        history=HISTORY,
        evaluation=Evaluation(METRICS, {"seen": {"t2i_recall_at_10": 0.25}}, (), blessed=True),
        pushed=True,
        answers=(SplitAnswers("seen", 1406, 2811, (asked,), (asked,), (image,)),),
        serving=SERVING,
    )


@pytest.fixture(scope="module")
def examples(tmp_path_factory, coloured_png) -> Path:
    """Six coloured images, of which two share a class, in two files."""
    import tensorflow as tf

    from components import schema

    folder = tmp_path_factory.mktemp("examples") / "Split-seen"
    folder.mkdir()
    colours = [
        ((255, 0, 0), ["a red thing", "red"], "red"),
        ((0, 255, 0), ["green"], "green"),
        ((0, 0, 255), ["blue <i>"], "blue"),
        ((250, 5, 0), ["scarlet, nearly red"], "red"),
        ((0, 200, 200), [], ""),
        ((0, 250, 250), ["green and blue"], ""),
    ]
    for number in range(2):
        with tf.io.TFRecordWriter(str(folder / f"data_tfrecord-0000{number}-of-00002.gz"), "GZIP") as writer:
            for colour, captions, label in colours[3 * number : 3 * number + 3]:
                example = tf.train.Example()
                feature = example.features.feature
                feature[schema.IMAGE_ENCODED].bytes_list.value.append(coloured_png(*colour))
                feature[schema.CAPTION_TEXT].bytes_list.value.extend(caption.encode() for caption in captions)
                feature[schema.RECORD_NAME].bytes_list.value.append(b"0.tar#k")
                feature[schema.CLASS_LABEL].bytes_list.value.append(label.encode())
                writer.write(example.SerializeToString())
    return folder.parent
