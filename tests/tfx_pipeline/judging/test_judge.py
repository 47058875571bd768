"""A suite judged end to end with a model of colours: what is written, what goes on after kill -9, what is refused."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from colour_encoder import ColourEncoder
from judging_runs import run
from typer.testing import CliRunner

from components.evaluator.tasks.judged import Judged, Number
from tfx_pipeline.judging.clip_benchmark_csv import clip_benchmark_csv
from tfx_pipeline.judging.results import Results, Row, read_answers, read_results
from tfx_pipeline.settings.config import ConfigError

ROOT = Path(__file__).parents[3]
ALIGN = Path(sys.executable).with_name("align")


def test_every_row_is_written_with_its_numbers_pictures_and_answers(suite_with_pairs, tmp_path):
    out = tmp_path / "out"
    results = run(suite_with_pairs, out)
    assert [(row.judged.dataset, row.judged.task, row.judged.language) for row in results.rows] == [
        ("colours", "zero_shot", "en"),
        ("colours", "knn", None),
        ("colours", "probe", None),
        ("things", "retrieval", "en"),
        ("things", "retrieval", "de"),
    ]
    assert results.finished
    assert [results.rows[row].judged.numbers[name].value for row, name in ((0, "top_1"), (1, "knn_top_1"))] == [1, 1]
    row = results.rows[3]
    read = read_results(out).rows[3].judged
    assert read.numbers == row.judged.numbers
    assert row.judged.failures
    assert all((out / file).read_bytes()[:2] == b"\xff\xd8" for file in row.pictures.values())
    again = read_answers(out, read)
    assert again.items == row.judged.items
    for way, told in row.judged.per_query.items():
        for name, each in told.items():
            np.testing.assert_array_equal(again.per_query[way][name], each)
        assert again.answers[way].keys == row.judged.answers[way].keys
        np.testing.assert_array_equal(again.answers[way].margin, row.judged.answers[way].margin)
    check_csv(out, results)


def check_csv(out: Path, results: Results) -> None:
    """The columns are those of CLIP_benchmark."""
    with (out / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    tasks = ["zeroshot_classification", "knn", "linear_probe", "zeroshot_retrieval", "zeroshot_retrieval"]
    assert [row["task"] for row in rows] == tasks
    assert [rows[0][name] for name in ("acc1", "mean_per_class_recall", "acc5")] == ["1.0", "1.0", ""]
    for row, column, name in (
        (2, "lp_acc1", "probe_top_1"),
        (3, "image_retrieval_recall@5", "t2i_recall_at_5"),
        (3, "text_retrieval_recall@5", "i2t_recall_at_5"),
    ):
        assert rows[row][column] == repr(results.rows[row].judged.numbers[name].value)
    assert [rows[3][name] for name in ("dataset", "model", "language")] == ["things", "colours", "en"]


def test_the_first_row_comes_before_the_last_set_is_embedded(suite, tmp_path):
    with suite.open("a", encoding="utf-8") as file:
        file.write("  again: {images: test, templates: ['no {}']}\n")
    seen = []

    class Watched(ColourEncoder):
        def encode_text(self, texts):
            form = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
            seen.append((len(form["rows"]), form["finished"]))
            return super().encode_text(texts)

    run(suite, tmp_path / "out", Watched())
    assert seen == [(0, False), (3, False)]


def test_sets_of_nearly_one_name_keep_their_own_answers(suite, tmp_path):
    for right, wrong in (("red", "green"), ("green", "red")):
        shutil.copytree(suite.parent / "test" / right, suite.parent / "wrong" / wrong)
    suite.write_text("folders:\n  pets.v2: {images: test}\n  pets_v2: {images: wrong}\n")
    rows = run(suite, tmp_path / "out").rows
    means = [read_answers(tmp_path / "out", row.judged).per_query["class"]["top_1"].mean() for row in rows]
    assert means == [row.judged.numbers["top_1"].value for row in rows] == [1, 0]


def test_choices_stand_in_the_columns_of_clip_benchmark():
    """Its `acc` is the group score, and with one image an item the text score."""
    two = {"text_score": Number(0.5), "image_score": Number(0.25), "group_score": Number(0.125)}
    judged = [
        Judged(name, "choice", "test", "en", numbers)
        for name, numbers in (("two", two), ("one", {"text_score": Number(0.75)}))
    ]
    blank = {"name": "m", "fingerprint": "f"}
    results = Results(blank, blank, 0, 0, True, tuple(Row(each, "") for each in judged), {})
    rows = [*csv.DictReader(io.StringIO(clip_benchmark_csv(results)))]
    assert [[row[name] for name in ("text_acc", "image_acc", "acc")] for row in rows] == [
        ["0.5", "0.25", "0.125"],
        ["0.75", "", "0.75"],
    ]


def test_a_broken_image_is_counted_named_and_left_out(suite, tmp_path):
    (suite.parent / "test" / "red" / "red3.png").write_bytes(b"\x89PNG no more")
    row = run(suite, tmp_path / "out").rows[0]
    assert row.judged.skipped == {"the model cannot read the image": 1}
    assert row.judged.numbers["top_1"].queries == 29
    assert [name for name in row.broken if "red3" in name]


def test_where_every_image_is_broken_the_set_is_named_and_others_are_judged(suite, tmp_path):
    for path in (suite.parent / "test").rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(ConfigError, match="colours: no image could be embedded; the first: "):
        run(suite, tmp_path / "out")
    with suite.open("a", encoding="utf-8") as file:
        file.write("  others: {images: train}\n")
    said = refused(*MODEL, "--out", str(tmp_path / "out"), "--suite", str(suite))
    assert said == "1 data set could not be judged by: colours; all others were"
    results = read_results(tmp_path / "out")
    assert [row.judged.dataset for row in results.rows] == ["others"]
    assert "no image could be embedded" in results.refused["colours"]
    assert (tmp_path / "out" / "report.html").is_file()


def command(suite: Path, out: Path, log: Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [
            *(sys.executable, str(ALIGN), "eval", "--model", "colour_encoder:encoder", "--suite", str(suite)),
            *("--data", str(suite.parent), "--out", str(out), "--embeddings", str(out.parent / "kept")),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests" / "support"), "COLOUR_LOG": str(log), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_what_was_embedded_before_kill_9_is_not_embedded_again(suite, tmp_path):
    for number in range(240):  # 300 to learn from: three chunks, of two calls each but for the last
        target = suite.parent / "train" / "red" / f"more{number}.png"
        target.write_bytes(next((suite.parent / "train" / "blue").iterdir()).read_bytes())
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    killed = command(suite, tmp_path / "out", first, COLOUR_DIES_AT="5")
    assert killed.returncode == -signal.SIGKILL
    assert not json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["finished"]
    done = command(suite, tmp_path / "out", second)
    assert done.returncode == 0, done.stderr
    calls = second.read_text().splitlines()
    assert calls.count("image 64") == 0
    assert calls.count("image 44") == 1
    whole = run(suite, tmp_path / "whole")
    again = read_results(tmp_path / "out")
    assert [row.judged.numbers for row in again.rows] == [row.judged.numbers for row in whole.rows]
    assert [row.data_fingerprint for row in again.rows] == [row.data_fingerprint for row in whole.rows]
    assert "colours  zero shot  en" in done.stdout
    assert "3 rows in" in done.stdout


def refused(*words: str) -> str:
    from tfx_pipeline.cli import app

    result = CliRunner().invoke(app, ["eval", *words])
    assert isinstance(result.exception, ConfigError), result.output
    return str(result.exception)


MODEL = ("--model", "colour_encoder:encoder")


def test_bad_input_ends_in_a_sentence(suite, tmp_path):
    out = ("--out", str(tmp_path / "out"))
    assert "'demmo' is neither one of our suites" in refused(*MODEL, *out, "--suite", "demmo")
    assert "is no folder that is there" in refused("--model", "nowhere", *out, "--suite", str(suite))
    assert "--temperature is 0" in refused(*MODEL, *out, "--suite", str(suite), "--temperature", "0")
    (tmp_path / "file").write_text("")
    assert "is a file" in refused(*MODEL, "--out", str(tmp_path / "file"), "--suite", str(suite))
    assert "no results.json" in refused(*MODEL, "--out", str(suite.parent), "--suite", str(suite))
    assert "cannot be written" in refused(*MODEL, "--out", "/proc/results", "--suite", str(suite))
    absent = tmp_path / "absent.yaml"
    absent.write_text("sets: [mscoco]\n")
    assert "no data set of the suite" in refused(*MODEL, *out, "--suite", str(absent), "--data", str(tmp_path))


def test_a_set_that_is_half_there_is_refused_with_what_is_missing(suite, tmp_path):
    for path in [*(suite.parent / "train").rglob("*.png")]:
        path.unlink()
    for folder in (suite.parent / "train").iterdir():
        folder.rmdir()
    (suite.parent / "train").rmdir()
    said = refused(*MODEL, "--out", str(tmp_path / "out"), "--suite", str(suite))
    assert "colours is half there" in said
    assert "train" in said


def test_a_pair_set_says_which_field_is_wrong(suite_with_pairs, tmp_path):
    out = ("--out", str(tmp_path / "out"))
    for fields, said in (
        ("{shards: pairs, format: jsonll}", "pairs.things.format is 'jsonll'"),
        ("{shards: pairs, format: jsonl, captions: {en: en}, split: training}", "pairs.things.split is 'training'"),
        (
            "{shards: pairs, format: jsonl, captions: {none: en}, image_field: image}",
            "no record of pairs.things can be used",
        ),
    ):
        suite_with_pairs.write_text(f"pairs:\n  things: {fields}\n")
        assert said in refused(*MODEL, *out, "--suite", str(suite_with_pairs))


def test_ties_are_ranked_by_the_rule_that_is_asked_for(suite_with_pairs, tmp_path, monkeypatch):
    """A model without eyes gets what guessing gets, or what the order of each gallery gives it."""

    def encode(self, images):
        return np.tile(np.float32([0, 0, 0, 1]), (len(images), 1))

    monkeypatch.setattr(ColourEncoder, "encode_image", encode)
    monkeypatch.setattr(ColourEncoder, "fingerprint", "blind")
    words = ["eval", *MODEL, "--suite", str(suite_with_pairs), "--embeddings", str(tmp_path / "kept")]
    from tfx_pipeline.cli import app

    found = {}
    for ties in ("expected", "index"):
        done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / ties), "--ties", ties])
        assert done.exit_code == 0, done.exception
        results = read_results(tmp_path / ties)
        assert results.ties == ties
        found[ties] = {
            name: {*np.round(values, 6)}
            for row in results.rows
            for told in read_answers(tmp_path / ties, row.judged).per_query.values()
            for name, values in told.items()
            if name in ("top_1", "knn_top_1", "t2i_recall_at_1")
        }
    assert found["expected"] == {"top_1": {0.333333}, "knn_top_1": {0.333333}, "t2i_recall_at_1": {0.083333}}
    assert found["index"] == {"top_1": {0, 1}, "knn_top_1": {0, 1}, "t2i_recall_at_1": {0, 1}}
    assert CliRunner().invoke(app, [*words, "--ties", "first"]).exit_code == 2


def test_a_model_that_says_its_temperature_is_told_its_calibration_error(suite, tmp_path, monkeypatch):
    assert "ece" not in run(suite, tmp_path / "without").rows[0].judged.numbers
    monkeypatch.setattr(ColourEncoder, "temperature", 0.5, raising=False)
    monkeypatch.setattr(ColourEncoder, "fingerprint", "warm")
    once, again = (run(suite, tmp_path / name).rows[0].judged.numbers["ece"] for name in ("once", "again"))
    assert once == again
    assert 0 < once.value < 1
    monkeypatch.setattr(ColourEncoder, "temperature", 5.0)  # what was kept is of the fingerprint
    assert run(suite, tmp_path / "third").rows[0].judged.numbers["ece"] == once
