"""The live view and the plain lines, on runs that are replayed event by event."""

from __future__ import annotations

import io
import json
import os
import re
import time
from pathlib import Path

import pytest
from rich.console import Console

from tfx_pipeline.live.live_view import LiveView, PlainView, follow
from tfx_pipeline.runs.run_record import BROKE_OFF, DIED, record_of
from tfx_pipeline.runs.training_history import HistoryLine
from tfx_pipeline.wording import moment

IDS = ["PairExampleGen", "Trainer", "Pusher"]
START = {"event": "pipeline_started", "time": 100.0, "name": "tiny", "components": IDS}
LINE = HistoryLine(
    step=40,
    steps=1000,
    loss=3.2144,
    temperature=0.07,
    learning_rate=1e-3,
    in_batch_recall_at_1=0.41,
    pairs_per_s=412.4,
    seconds=20.0,
    seconds_left=83.0,
    gradient_norm=2.134,
    input_wait=0.021,
)
MEASURES = (
    "loss 3.214, in-batch R@1 41.0 %, temperature 0.0700, gradient norm 2.13, learning rate 0.00100, pairs/s 412, "
    "input wait 2.1 %"
)


def started(component: str, when: float) -> dict:
    return {"event": "component_started", "component": component, "time": when}


def ended(component: str, when: float, state: str = "complete", outputs: dict | None = None) -> dict:
    return {
        "event": "component_finished",
        "component": component,
        "time": when,
        "state": state,
        "outputs": outputs or {},
    }


class Replay:
    """Stands for the running process: each time it is asked whether it has ended, it writes its next event."""

    def __init__(self, run_dir: Path, events: list[dict], status: int = 0) -> None:
        run_dir.mkdir(parents=True)
        self._path = run_dir / "events.jsonl"
        self._events = list(events)
        self._status = status

    def poll(self) -> int | None:
        if self._events:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(self._events.pop(0)) + "\n")
            return None
        return self._status


def plain_console() -> Console:
    return Console(file=io.StringIO(), width=200)


def lines_of(console: Console) -> list[str]:
    return [re.sub(r"^\d\d:\d\d:\d\d  ", "", line) for line in console.file.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def _poll_at_once(monkeypatch):
    monkeypatch.setattr("tfx_pipeline.live.live_view.POLL_S", 0.0)


@pytest.fixture
def ingest_report(tmp_path) -> dict:
    tally = {"read": 4230, "kept": 4218, "dropped": {"no_image": 12}}
    captions = {"read": 8436, "kept": 8436, "dropped": {}}
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "ingest_report.json").write_text(
        json.dumps({"splits": {"train": {"images": tally, "captions": captions}}})
    )
    return {"report": str(folder)}


def whole_run(outputs: dict) -> list[dict]:
    return [
        START,
        started("PairExampleGen", 101.0),
        ended("PairExampleGen", 104.0, outputs=outputs),
        started("Trainer", 105.0),
        ended("Trainer", 170.0, state="cached"),
        started("Pusher", 171.0),
        ended("Pusher", 171.5),
        {"event": "pipeline_finished", "time": 172.0},
    ]


def test_plain_lines_of_a_whole_run(tmp_path, ingest_report):
    run_dir, console = tmp_path / "root" / "runs" / "r1", plain_console()
    replay = Replay(run_dir, whole_run(ingest_report))
    (run_dir / "report.html").touch()
    record = follow(run_dir, replay.poll, console)
    assert record.succeeded
    assert lines_of(console) == [
        f"tiny started, 3 components, log in {run_dir / 'log.txt'}",
        "PairExampleGen started",
        "PairExampleGen complete in 3.0 s: 4,218 images, 8,436 captions, dropped 12 images",
        "Trainer started",
        "Trainer cached in 1 min 05 s",
        "Pusher started",
        "Pusher complete in 0.5 s",
        "tiny finished in 1 min 12 s",
        f"Report  {run_dir / 'report.html'}",
    ]


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ('{"refusals": ["validation: no Examples.", "b", "c", "d"]}', ["validation: no Examples.", "b", "c"]),
        ('{"refusals": [], "blessed": true}', []),
        ("{", []),
    ],
)
def test_a_run_ends_on_why_its_model_was_not_blessed(tmp_path, kept, said):
    run_dir, console = tmp_path / "root" / "runs" / "r1", plain_console()
    replay = Replay(run_dir, whole_run({}))
    (run_dir / "report.html").touch()
    (run_dir / "evaluation.json").write_text(kept)
    follow(run_dir, replay.poll, console)
    ending = [line for line in lines_of(console) if line.startswith(("Not blessed", "Report"))]
    assert ending == [*(f"Not blessed: {sentence}" for sentence in said), f"Report  {run_dir / 'report.html'}"]


def test_a_cached_component_says_since_when_its_result_stands(tmp_path):
    run_dir, console = tmp_path / "root" / "runs" / "r1", plain_console()
    cached = ended("Trainer", 170.0, state="cached") | {"since": 1_700_000_000.0}
    events = [START, started("Trainer", 105.0), cached]
    PlainView(console, "log in log.txt").show(record_of(run_dir, events), events, None)
    assert lines_of(console)[-1] == f"Trainer cached since {moment(1_700_000_000.0)}"
    terminal = Console(file=io.StringIO(), width=100)
    terminal.print(LiveView(terminal).draw(record_of(run_dir, events), None, now=200.0))
    assert f"cached since {moment(1_700_000_000.0)}" in terminal.file.getvalue()


def test_events_that_come_together_are_each_told(tmp_path):
    run_dir, console = tmp_path / "root" / "runs" / "r1", plain_console()
    events = whole_run({})
    PlainView(console, "log in log.txt").show(record_of(run_dir, events), events, None)
    assert len(lines_of(console)) == len(events)


def test_a_failure_shows_component_sentence_and_log(tmp_path):
    run_dir, console = tmp_path / "root" / "runs" / "r1", plain_console()
    failed = {
        "event": "component_failed",
        "component": "Trainer",
        "time": 9.0,
        "error": "the loss is nan [/] at step 5",
    }
    replay = Replay(run_dir, [START, started("Trainer", 8.0), failed])
    (run_dir / "log.txt").write_text("a library's noise\n")
    record = follow(run_dir, replay.poll, console)
    assert not record.succeeded
    said = lines_of(console)
    assert said[-2:] == ["Trainer failed: the loss is nan [/] at step 5", f"Log     {run_dir / 'log.txt'}"]
    assert "a library's noise" not in said


def test_a_process_that_dies_without_a_word_shows_the_end_of_its_log(tmp_path):
    run_dir, console = tmp_path / "root" / "runs" / "r1", plain_console()
    replay = Replay(run_dir, [START, started("Trainer", 8.0)])
    (run_dir / "log.txt").write_text("".join(f"line {number}\n\n" for number in range(20)) + "Killed [bold]\n")
    record = follow(run_dir, replay.poll, console)
    assert record.component("Trainer").state == "failed"
    said = lines_of(console)
    assert f"Trainer failed: {DIED}" in said
    assert said[-7:] == [
        *(f"  line {number}" for number in range(15, 20)),
        "  Killed [bold]",
        f"Log     {run_dir / 'log.txt'}",
    ]


def test_a_process_that_dies_before_its_first_event(tmp_path):
    run_dir, console = tmp_path / "root" / "runs" / "r1", plain_console()
    record = follow(run_dir, Replay(run_dir, []).poll, console)
    assert not record.succeeded
    assert lines_of(console) == [f"root failed: {DIED}", f"Log     {run_dir / 'log.txt'}"]


def test_a_process_that_breaks_off_after_the_pipelines_end_is_told_in_one_line(tmp_path):
    run_dir, console = tmp_path / "root" / "runs" / "r1", plain_console()
    record = follow(run_dir, Replay(run_dir, whole_run({}), status=1).poll, console)
    assert record.why_failed == BROKE_OFF.format(status=1)
    assert lines_of(console)[-2:] == [f"tiny failed: {record.why_failed}", f"Log     {run_dir / 'log.txt'}"]


def test_training_is_told_at_most_once_a_step_and_every_ten_seconds(tmp_path, monkeypatch):
    console = plain_console()
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    view = PlainView(console, "log in log.txt")
    record = record_of(tmp_path / "runs" / "r1", [])
    for seconds, step in ((0.0, 40), (3.0, 50), (10.0, 60), (11.0, 60), (30.0, 60), (31.0, 1000)):
        clock[0] = 1000.0 + seconds
        view.show(record, [], HistoryLine(**{**vars(LINE), "step": step}))
    assert [line.split(":")[0] for line in lines_of(console)] == [
        "Trainer step 40 of 1,000",
        "Trainer step 60 of 1,000",
        "Trainer step 1,000 of 1,000",
    ]
    assert lines_of(console)[0].endswith(f": {MEASURES}, 1 min 23 s left")


def test_the_training_that_is_shown_is_this_runs(tmp_path):
    root, console = tmp_path / "root", plain_console()
    now = time.time()
    for execution, step, written in (("3", 999, now - 500), ("9", 40, now)):
        folder = root / "artifacts" / "Trainer" / "model_run" / execution
        folder.mkdir(parents=True)
        (folder / "history.jsonl").write_text(json.dumps({**vars(LINE), "step": step}) + "\n")
        os.utime(folder / "history.jsonl", (written, written))
    run_dir = root / "runs" / "r1"
    replay = Replay(run_dir, [START, started("Trainer", now - 20), ended("Trainer", now)])
    follow(run_dir, replay.poll, console)
    assert [line for line in lines_of(console) if line.startswith("Trainer step")] == [
        f"Trainer step 40 of 1,000: {MEASURES}, 1 min 23 s left"
    ]


def drawn(view: LiveView, record, training: HistoryLine | None, now: float) -> str:
    console = Console(file=io.StringIO(), width=110)
    console.print(view.draw(record, training, now))
    return console.file.getvalue()


def test_the_live_table_shows_each_component_with_state_time_and_counts(tmp_path, ingest_report):
    events = [START, started("PairExampleGen", 101.0), ended("PairExampleGen", 104.0, outputs=ingest_report)]
    events += [started("Trainer", 105.0)]
    record = record_of(tmp_path / "root" / "runs" / "r1", events)
    picture = drawn(LiveView(plain_console()), record, LINE, now=127.0)
    rows = [" ".join(line.split()) for line in picture.splitlines()]
    assert "✓ PairExampleGen 3.0 s 4,218 images, 8,436 captions, dropped 12 images" in rows
    assert any(re.fullmatch(r"\S Trainer 22 s", row) for row in rows)
    assert "· Pusher" in rows
    assert "building the graph" not in picture
    assert any(row.endswith("step 40 of 1,000 1 min 23 s left") for row in rows)
    assert "loss 3.214 in-batch R@1 41.0 % temperature 0.0700 gradient norm 2.13" in rows
    assert "learning rate 0.00100 pairs/s 412 input wait 2.1 %" in rows


def test_before_its_first_line_training_is_said_to_be_under_way(tmp_path):
    record = record_of(tmp_path / "root" / "runs" / "r1", [START, started("Trainer", 105.0)])
    assert "building the graph" in drawn(LiveView(plain_console()), record, None, now=127.0)


@pytest.mark.parametrize(
    ("events", "closed", "phrase"),
    [
        ([], False, "starting TFX"),
        ([START, started("Trainer", 8.0)], True, "failed"),
        (whole_run({}), False, "writing the report"),
        (whole_run({}), True, "finished"),
    ],
)
def test_the_heading_says_what_goes_on_outside_of_components(tmp_path, events, closed, phrase):
    record = record_of(tmp_path / "root" / "runs" / "r1", events)
    heading = drawn(LiveView(plain_console()), record.closed() if closed else record, None, now=200.0).splitlines()[1]
    assert phrase in heading


def test_a_terminal_gets_the_live_table(tmp_path, ingest_report):
    run_dir = tmp_path / "root" / "runs" / "r1"
    console = Console(file=io.StringIO(), width=110, force_terminal=True)
    record = follow(run_dir, Replay(run_dir, whole_run(ingest_report)).poll, console)
    assert record.succeeded
    written = console.file.getvalue()
    assert "PairExampleGen started" not in written
    assert "dropped 12 images" in written
