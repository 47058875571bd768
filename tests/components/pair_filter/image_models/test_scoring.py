"""Images of real files of Examples through real models in real Beam jobs, and models applied to one image at a time."""

import itertools
import pickle
import re
from functools import partial
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf

from components import schema
from components.files import example_files
from components.pair_filter.config import FilterConfig
from components.pair_filter.image_models.handlers import ImageModel
from components.pair_filter.image_models.neighbour_search import FindNeighbours
from components.pair_filter.image_models.scoring import ScoreImages
from components.pair_filter.judging.model_input import decode_square
from components.pair_filter.model_config import ImageModelConfig, NeighbourConfig, UnsafeConfig
from components.pair_filter.tasks import FileTask
from small_image_models import save_channel_means, save_failing, save_onnx_channel_means

SIDE = 4
RULES = FilterConfig(shorter_side_above_px=6)
LARGE, SMALL = (12, 9), (12, 6)


@pytest.fixture
def write(tmp_path):
    """Returns a function: split and (encoded image, size) records -> a task for a file of them."""
    number = itertools.count()

    def write(split: str, *records: tuple[bytes, tuple[int, int]]) -> tuple[int, FileTask]:
        index = next(number)
        path = str(tmp_path / f"{index}.gz")
        with example_files.writing(path, str(tmp_path / "aside")) as write_one:
            for row, (encoded, (width, height)) in enumerate(records):
                example = tf.train.Example()
                features = example.features.feature
                features[schema.IMAGE_ENCODED].bytes_list.value.append(encoded)
                features[schema.RECORD_NAME].bytes_list.value.append(f"{split}{index}#{row}".encode())
                features[schema.IMAGE_WIDTH].int64_list.value.append(width)
                features[schema.IMAGE_HEIGHT].int64_list.value.append(height)
                write_one(example.SerializeToString())
        return index, FileTask(index, split, path, facts="")

    return write


@pytest.fixture
def pictures(make_image):
    """Returns a function: seeds -> records of pictures large enough, each of a colour of its own."""
    return lambda *seeds: [(make_image(*LARGE, seed=seed), LARGE) for seed in seeds]


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    return save_channel_means(tmp_path_factory.mktemp("model") / "saved", SIDE)


@pytest.fixture(scope="module")
def onnx_model(tmp_path_factory):
    return save_onnx_channel_means(tmp_path_factory.mktemp("model") / "a.onnx", SIDE)


@pytest.fixture
def run(tmp_path):
    """Returns a function: a transform and (file, task) elements, or a dict of them -> file -> what a job makes."""
    number = itertools.count()

    def run(transform: beam.PTransform, inputs) -> dict[int, Any]:
        folder = tmp_path / f"found{next(number)}"
        folder.mkdir()
        with beam.Pipeline() as pipeline:
            if isinstance(inputs, dict):
                given = {name: pipeline | f"Files of {name}" >> beam.Create(files) for name, files in inputs.items()}
            else:
                given = pipeline | beam.Create(inputs)
            _ = given | transform | beam.MapTuple(partial(keep, folder))
        return {int(path.name): pickle.loads(path.read_bytes()) for path in folder.iterdir()}

    return run


def keep(folder: Path, file: int, value: Any) -> None:
    with (folder / str(file)).open("xb") as kept:  # which fails where a file comes out twice
        pickle.dump(value, kept)


def test_scores_are_those_of_the_model_applied_to_each_image(run, write, pictures, onnx_model):
    model = ImageModelConfig(onnx_model, SIDE, "zero_to_one", "nchw", columns=(0,), batch=4)
    files = {7: pictures(*range(0, 250, 25)), 8: pictures(3), 9: [], 10: pictures(*range(4))}
    tasks = [(index, write("train", *records)[1]) for index, records in files.items()]
    found = run(ScoreImages(UnsafeConfig(model), RULES), tasks)
    one_by_one = ImageModel(model)
    for index, records in files.items():
        squares = [decode_square(encoded, SIDE) for encoded, _ in records]
        assert found[index].dtype == np.float32
        assert found[index] == pytest.approx([one_by_one.scores(square[None])[0] for square in squares], abs=1e-6)
    assert found.keys() == files.keys()
    assert np.ptp(found[7]) > 0.8, "the pictures differ in red"


def test_what_is_too_small_or_does_not_decode_has_no_score(run, write, pictures, make_image, saved_model):
    model = ImageModelConfig(saved_model, SIDE, "zero_to_one", columns=(2,), batch=2)
    (good,) = pictures(5)
    records = [good, (make_image(*SMALL), SMALL), (b"no image", LARGE), good]
    found = run(ScoreImages(UnsafeConfig(model), RULES), [write("train", *records)])
    assert np.isnan(found[0]).tolist() == [False, True, True, False]


def test_a_file_without_a_picture_to_score_has_no_scores(run, write, make_image, saved_model):
    model = ImageModelConfig(saved_model, SIDE, "zero_to_one", columns=(2,))
    found = run(ScoreImages(UnsafeConfig(model), RULES), [write("train", (make_image(*SMALL), SMALL)), write("train")])
    assert {index: scores.tolist() for index, scores in found.items()} == {
        0: [pytest.approx(np.nan, nan_ok=True)],
        1: [],
    }


def test_a_missing_model_is_refused_before_the_job_starts(write, pictures, tmp_path):
    model = ImageModelConfig(str(tmp_path / "nowhere"), SIDE, "bytes")
    for transform in (
        ScoreImages(UnsafeConfig(model), RULES),
        FindNeighbours(NeighbourConfig(model), RULES, str(tmp_path)),
    ):
        with pytest.raises(ValueError, match=rf"^the model {re.escape(model.path)} does not exist; "):
            beam.Pipeline() | beam.Create([write("train", *pictures(1))]) | transform


def test_a_model_that_fails_on_a_batch_fails_the_job(run, write, make_image, tmp_path):
    model = ImageModelConfig(save_failing(tmp_path / "failing", SIDE), SIDE, "bytes", batch=1)
    dark, bright = ((make_image(*LARGE, seed=seed), LARGE) for seed in (0, 0xFFFF))
    with pytest.raises(RuntimeError, match=r"failed on 1 images, the first of them train0#1: .*too bright"):
        run(ScoreImages(UnsafeConfig(model), RULES), [write("train", dark, bright)])


def test_copies_of_evaluation_images_are_found_file_by_file(run, write, pictures, make_image, saved_model, tmp_path):
    model = ImageModelConfig(saved_model, SIDE, "zero_to_one", batch=2)
    red, green, blue, grey = (seed for seed in (0x0010, 0x8000, 0x0000, 0x6464))
    train = [
        write("train", *pictures(red, grey, green), (b"no image", LARGE), *pictures(red)),
        write("train", *pictures(grey, grey)),
        write("train", *pictures(green), (make_image(*SMALL, seed=green), SMALL)),
    ]
    judged = [write("test", *pictures(blue, green)), write("coco", (b"no image", LARGE), *pictures(green, red))]
    config = NeighbourConfig(model, clusters=2, nearest=1, shared=1, min_cosine=0.9999, sample=100)
    found = run(FindNeighbours(config, RULES, str(tmp_path / "index")), {"train": train, "evaluation": judged})
    # The least file and row of those that are equally near: green is test3#1 before it is coco4#1.
    assert {file: {row: name for row, (name, _) in rows.items()} for file, rows in found.items()} == {
        0: {0: "coco4#2", 2: "test3#1", 4: "coco4#2"},
        2: {0: "test3#1"},
    }
    assert [cosine for rows in found.values() for _, cosine in rows.values()] == pytest.approx([1] * 4, abs=1e-6)


def test_without_evaluation_images_nothing_is_found(run, write, pictures, onnx_model, tmp_path):
    model = ImageModelConfig(onnx_model, SIDE, "zero_to_one", "nchw")
    train, judged = write("train", *pictures(1, 2)), write("test", *pictures(1))
    for inputs in ({"train": [train], "evaluation": []}, {"train": [], "evaluation": [judged]}):
        assert run(FindNeighbours(NeighbourConfig(model), RULES, str(tmp_path)), inputs) == {}


def test_the_sample_for_the_clusters_is_bounded(run, write, pictures, saved_model, tmp_path):
    model = ImageModelConfig(saved_model, SIDE, "zero_to_one", batch=2)
    config = NeighbourConfig(model, clusters=3, nearest=2, shared=1, min_cosine=0.999999, sample=4)
    train = [write("train", *pictures(*range(10 + file, 250, 30))) for file in range(3)]
    found = run(
        FindNeighbours(config, RULES, str(tmp_path / "index")),
        {"train": train, "evaluation": [write("test", *pictures(40))]},
    )
    assert found == {0: {1: ("test3#0", pytest.approx(1))}}
    (index,) = (tmp_path / "index").glob("neighbours-*.npz")
    with np.load(index) as arrays:
        assert arrays["centres"].shape == (3, 3)
        assert arrays["embeddings"].shape == (1, 3)
