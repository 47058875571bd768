"""What a report shows is kept beside its run: read back as it was found, and asked for once."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from components.evaluator.config import EvaluationConfig
from report_samples import FILTER, HISTORY, INGEST, VOCABULARY, Page, events_of, page_of
from serving.encoders.saved_model import SavedModelEncoder
from tfx_pipeline.report.contents import gather
from tfx_pipeline.report.example_answers import find_answers
from tfx_pipeline.report.findings import keep_findings
from tfx_pipeline.report.rebuild import rebuild
from tfx_pipeline.runs.run_record import RunRecord, read_record, record_of


def test_a_whole_run_is_rebuilt_from_its_folder(tmp_path, colour_model, examples):
    run_dir = tmp_path / "tiny" / "runs" / "r1"
    made = tmp_path / "made"
    shutil.copytree(colour_model, made / "model" / "Format-Serving")
    shutil.copytree(examples, made / "examples")
    run_dir.mkdir(parents=True)
    for name, report in (("ingest", INGEST), ("filter", FILTER), ("vocabulary", VOCABULARY)):
        (made / f"{name}_report.json").write_text(json.dumps(report))
    (made / "history.jsonl").write_text("".join(json.dumps(vars(line)) + "\n" for line in HISTORY))
    evaluation = "evaluation: {splits: [seen], class_names: {red: [ruby, rose]}}\n"
    (run_dir / "config.yaml").write_text(evaluation + "training: {batch: 256}\n")
    outputs = {
        "PairExampleGen": {"report": str(made)},
        "PairFilter": {"report": str(made), "examples": str(made / "examples")},
        "Vocabulary": {"vocabulary": str(made)},
        "Trainer": {"model": str(made / "model"), "model_run": str(made)},
    }
    (run_dir / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events_of(outputs)))
    keep_findings(read_record(run_dir), EvaluationConfig(splits=("seen",), class_names={"red": ("ruby", "rose")}))
    for folder in ("examples", "model"):  # the page is made without them
        shutil.rmtree(made / folder)
    path = rebuild(run_dir)
    assert path == run_dir / "report.html"
    page = Page(path.read_text(encoding="utf-8"))
    contents = gather(read_record(run_dir))
    assert (contents.ingest, contents.filter, contents.vocabulary) == (INGEST, FILTER, VOCABULARY)
    assert contents.history == HISTORY
    pictures = page.named("img")
    assert pictures
    for picture in pictures:
        Image.open(io.BytesIO(base64.b64decode(picture["src"].partition(",")[2]))).verify()
    assert "blue <i>" in page.text
    assert "asked as ruby, a photo of ruby, rose, a photo of rose" in page.text
    assert "asked as green, a photo of green" in page.text


def test_answers_are_read_back_as_they_were_found(tmp_path, colour_model, examples):
    run_dir = tmp_path / "runs" / "r1"
    run_dir.mkdir(parents=True)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "Format-Serving").symlink_to(colour_model)
    outputs = {"PairFilter": {"examples": str(examples)}, "Trainer": {"model": str(tmp_path / "model")}}
    config = EvaluationConfig(splits=("seen",), prompts=("{}",))
    keep_findings(record_of(run_dir, events_of(outputs)), config)
    found = find_answers(SavedModelEncoder(colour_model), examples, ["seen"], lambda label: (label,))
    assert gather(record_of(run_dir, events_of(outputs))).answers == found


@pytest.mark.parametrize("changed", ["nothing", "prompts", "examples", "model", "damaged"])
def test_the_same_model_and_examples_are_asked_once(tmp_path, colour_model, examples, changed):
    """An answer that nobody can have given again shows that it was asked for again."""
    made = tmp_path / "made"
    shutil.copytree(examples, made / "examples")
    shutil.copytree(colour_model, made / "model" / "Format-Serving")
    outputs = {"PairFilter": {"examples": str(made / "examples")}, "Trainer": {"model": str(made / "model")}}

    def keep(run: str, prompt: str) -> RunRecord:
        record = record_of(tmp_path / "runs" / run, events_of(outputs))
        record.run_dir.mkdir(parents=True)
        keep_findings(record, EvaluationConfig(splits=("seen",), prompts=(prompt,)))
        return record

    first = keep("r1", "{}").run_dir / "answers.json"
    first.write_text(first.read_text(encoding="utf-8").replace('"green"', '"as kept"'), encoding="utf-8")
    if changed in ("examples", "model"):  # written again at the same place, as after a new beginning
        path = next(path for path in sorted((made / changed).rglob("*")) if path.is_file())
        path.write_bytes(path.read_bytes())
    if changed == "damaged":
        first.write_text("{", encoding="utf-8")
    second = (keep("r2", "a {}" if changed == "prompts" else "{}").run_dir / "answers.json").read_text(encoding="utf-8")
    assert ('"as kept"' in second) == (changed == "nothing")
    assert '"answers"' in second


def test_a_run_without_kept_findings_says_what_to_do(tmp_path):
    run_dir = tmp_path / "tiny" / "runs" / "r1"
    run_dir.mkdir(parents=True)
    outputs = {
        "PairFilter": {"examples": "x"},
        "Trainer": {"model": "x"},
        "Evaluator": {"evaluation": "x", "blessing": "x"},
    }
    contents = gather(record_of(run_dir, events_of(outputs)))
    for piece, file in ((contents.evaluation, "evaluation.json"), (contents.answers, "answers.json")):
        assert piece.why.startswith(f"Not kept: {file} is written at a run's end")
        assert "`align run` again" in piece.why
    assert page_of(contents).text.count("Not kept") >= 2


def test_the_page_is_made_without_tensorflow(tmp_path):
    run_dir = tmp_path / "tiny" / "runs" / "r1"
    run_dir.mkdir(parents=True)
    (run_dir / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events_of({})))
    code = (
        "import sys, pathlib\nfrom tfx_pipeline.report.rebuild import rebuild\nrebuild(pathlib.Path(sys.argv[1]))\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, run_dir], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "tfx_pipeline.report.page" in loaded
    assert loaded.isdisjoint({"tensorflow", "tfx", "apache_beam", "tensorflow_model_analysis"})
