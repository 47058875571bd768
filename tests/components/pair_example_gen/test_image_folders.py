"""Tables whose images lie beside them, as Hugging Face's imagefolder has it, and what is said of lost images."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tfx.types import standard_artifacts

from components import schema
from components.artifact_files import INGEST_REPORT_FILE
from components.artifacts import IngestReport
from components.pair_example_gen.config import IngestConfig
from components.pair_example_gen.executor import Executor
from components.pair_example_gen.judging import reasons
from components.pair_example_gen.judging.image_paths import below, resolve
from components.pair_example_gen.raw_record import Part
from components.pair_example_gen.readers.json_lines_reader import read_json_lines
from components.pair_example_gen.storage.shards import check_shards
from components.pair_example_gen.storage.sources import image_paths

SPLITS = {"train": "train/metadata.*", "validation": "validation/metadata.*"}


def write_table(path, rows: list[tuple[str, str]]) -> None:
    if path.suffix == ".csv":
        path.write_text("file_name,text\n" + "".join(f"{name},{text}\n" for name, text in rows))
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"file_name": name, "text": text}) + "\n" for name, text in rows))
    else:
        pq.write_table(pa.table({"file_name": [row[0] for row in rows], "text": [row[1] for row in rows]}), path)


@pytest.fixture(params=["csv", "jsonl", "parquet"])
def folder(request, tmp_path, make_image):
    """Two splits, in each of which other images have the same names."""
    for number, split in enumerate(("train", "validation")):
        (tmp_path / split / "a").mkdir(parents=True)
        rows = [("1.png", f"{split} one"), ("a/2.png", f"{split} two")]
        for seed, (name, _) in enumerate(rows):
            (tmp_path / split / name).write_bytes(make_image(seed=10 * number + seed))
        write_table(tmp_path / split / f"metadata.{request.param}", rows)
    return tmp_path


@pytest.fixture(scope="module")
def ingest(run_executor):
    def run(**config):
        outputs = {"examples": standard_artifacts.Examples, "report": IngestReport}
        return run_executor(Executor, {}, outputs, {"ingest": config})

    return run


def test_an_imagefolder_pairs_each_split_with_its_own_images(folder, ingest, read_examples, make_image):
    outputs = ingest(shards=str(folder), format="imagefolder", splits=SPLITS)
    for number, split in enumerate(SPLITS):
        found = {
            example[schema.CAPTION_TEXT][0]: example[schema.IMAGE_ENCODED][0]
            for example in read_examples(outputs["examples"], split)
        }
        assert found == {
            f"{split} one": make_image(seed=10 * number),
            f"{split} two": make_image(seed=10 * number + 1),
        }


def test_a_table_may_have_its_images_beside_it(folder, ingest, read_examples):
    kind = next(folder.glob("train/metadata.*")).suffix.removeprefix(".")
    fields = {"format": kind, "splits": SPLITS, "captions": {"text": "en"}, "image_field": "file_name"}
    outputs = ingest(shards=str(folder), paths_relative_to="table", **fields)
    names = [read_examples(outputs["examples"], split) for split in SPLITS]
    assert [len(examples) for examples in names] == [2, 2]


def test_the_images_of_an_imagefolder_are_part_of_what_was_read(folder):
    config = IngestConfig(shards=str(folder), format="imagefolder", splits=SPLITS)
    (table,) = folder.glob("train/metadata.*")
    assert sorted(image_paths(str(table), table.stat().st_size, config)) == ["train/1.png", "train/a/2.png"]


def test_images_that_are_not_there_are_named_by_the_path_that_was_tried(tmp_path, ingest, make_image):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "1.png").write_bytes(make_image())
    (tmp_path / "train" / "a.csv").write_text("image,caption\n1.png,one\n")
    fields = {"shards": str(tmp_path), "format": "csv", "splits": {"all": "train/*.csv"}}
    with pytest.raises(ValueError, match="no image reached") as raised:
        ingest(**fields, hash_split={"train": 1})
    said = str(raised.value)
    assert f"{tmp_path}/1.png cannot be read: FileNotFoundError" in said
    assert said.endswith("set ingest.image_folder, or paths_relative_to: table")
    assert "captions" not in said


@pytest.mark.parametrize("twin", ["metadata.jsonl", "metadata.csv.gz"])
def test_a_table_that_is_there_as_two_kinds_of_file_is_not_read_twice(tmp_path, twin):
    for name in ("a/metadata.0.csv", "a/metadata.1.csv", "b/metadata.csv", f"c/{twin}"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    config = IngestConfig(shards=str(tmp_path), format="imagefolder", splits={"train": "*/metadata.*"})
    check_shards(config)
    (tmp_path / "c" / "metadata.csv").touch()
    with pytest.raises(ValueError, match=r"splits\['train'\] = '\*/metadata\.\*' matches both") as raised:
        check_shards(config)
    assert f"{tmp_path}/c/metadata.csv and {tmp_path}/c/{twin}, two files of one table" in str(raised.value)


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "a/../../x.png"])
def test_a_path_beside_a_table_cannot_leave_the_folder(tmp_path, ingest, make_image, load_json, path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "1.png").write_bytes(make_image())
    write_table(tmp_path / "train" / "metadata.jsonl", [("1.png", "one"), (path, "two")])
    outputs = ingest(
        shards=str(tmp_path), format="imagefolder", splits={"all": "train/*.jsonl"}, hash_split={"train": 1}
    )
    tally = load_json(outputs["report"], INGEST_REPORT_FILE)["splits"]["train"]["images"]
    assert tally == {"read": 2, "kept": 1, "dropped": {"image_path_outside": 1}}


def test_folder_and_table_cannot_both_be_where_paths_start():
    with pytest.raises(ValueError, match="both image_folder and paths_relative_to"):
        IngestConfig(shards="s", format="csv", image_folder="i", paths_relative_to="table")


JSONL = IngestConfig(shards="s", format="jsonl")
LINES = [
    b'\xef\xbb\xbf{"image": "1.png", "caption": "one"}',
    b'{"image": "2.png", "caption": "two",}',
    b"",
    b'{"image": "3.png", "caption": NaN}\r',
    b'{"image": "4.png", "image": "5.png"}',
    b"[1]",
    b'{"image": 6}',
    b'{"image": "7.png", "caption": "caf\xe9"}',
]
FLAWS = ["", reasons.MALFORMED_ROW, "", reasons.DUPLICATE_KEY, reasons.MALFORMED_ROW, "", reasons.MALFORMED_ROW]


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_json_lines_are_judged_line_by_line(count):
    content = b"\n".join(LINES)
    parts = [Part(index, count) for index in range(count)]
    found = [record for part in parts for record in read_json_lines(io.BytesIO(content), part, JSONL)]
    assert [record.flaw for record in found] == FLAWS
    assert (found[0].path, found[0].fields["caption"], found[2].path) == ("1.png", "one", "3.png")
    assert (found[5].path, "'image' is '6', no path" in found[5].detail) == ("", True)


@pytest.mark.parametrize(
    ("folder", "path", "named"),
    [
        ("/data", "/data/a/1.png", "a/1.png"),
        ("/data/", "/data//1.png", "1.png"),
        ("/", "/data/1.png", "data/1.png"),
        ("gs://bucket/data", "gs://bucket/data/1.png", "1.png"),
        ("https://host/data", "https://host/data/1.png", "1.png"),
        ("/data", "/data2/1.png", None),
        ("/data", "/data/../secret.png", None),
        ("/data", "//data/1.png", None),
        ("/data", "file:///data/1.png", None),
        ("/data", "C:/data/1.png", None),
        ("/data", "C:\\data\\1.png", None),
        ("/data", "/data/a\\..\\..\\1.png", None),
        ("/", "/data/../../1.png", None),
    ],
)
def test_an_absolute_path_goes_by_the_name_that_it_has_below_the_folder(folder, path, named):
    if named:
        assert resolve(folder, below(folder, path)) == f"{folder.rstrip('/')}/{named}"
    else:
        with pytest.raises(reasons.Refused, match="is not a path below the image folder"):
            resolve(folder, below(folder, path))
