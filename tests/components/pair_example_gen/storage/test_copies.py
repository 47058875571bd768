"""Files of the input that are copies of each other are named; those of one size or one beginning alone are not."""

import json
from pathlib import Path

from tfx.types import standard_artifacts

from components.artifact_files import INGEST_REPORT_FILE
from components.artifacts import IngestReport
from components.pair_example_gen.executor import Executor
from components.pair_example_gen.storage.copies import START_BYTES, copies


def test_files_of_one_size_are_told_apart_by_their_beginning(tmp_path):
    start = b"x" * START_BYTES
    contents = {"a": b"one", "b": b"two", "c": b"one", "d": b"one ", "e": start + b"1", "f": start + b"22"}
    contents |= {"g": b"one", "empty": b"", "empty too": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found = copies({str(tmp_path / name): len(content) for name, content in contents.items()})
    assert found == {str(tmp_path / "c"): str(tmp_path / "a"), str(tmp_path / "g"): str(tmp_path / "a")}


def test_a_shard_under_two_names_is_named_in_the_report(tmp_path, run_executor, make_tar, make_image):
    for folder, name in (("train", "0.tar"), ("train", "1.tar"), ("test", "copy.tar")):
        (tmp_path / folder).mkdir(exist_ok=True)
        seed = 1 if name == "1.tar" else 0
        (tmp_path / folder / name).write_bytes(make_tar([("a.png", make_image(seed=seed)), ("a.txt", b"a cat")]))
    config = {"shards": str(tmp_path), "splits": {"train": "train/*.tar", "test": "test/*.tar"}, "hash_split": None}
    outputs = {"examples": standard_artifacts.Examples, "report": IngestReport}
    made = run_executor(Executor, {}, outputs, {"ingest": config})
    report = json.loads((Path(made["report"].uri) / INGEST_REPORT_FILE).read_text(encoding="utf-8"))
    assert report["copies"] == [
        "test/copy.tar has the size and the beginning of train/0.tar; if it is a copy, its pairs count twice: remove "
        "it, or change ingest.splits"
    ]
