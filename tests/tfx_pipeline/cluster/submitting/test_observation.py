"""What was seen of a run becomes events, each once and in the order in which it came to be."""

from __future__ import annotations

from pathlib import Path

from tfx_pipeline.cluster.submitting.observation import Observed, Task, in_order, new_events
from tfx_pipeline.runs.run_record import record_of

IDS = ("PairFilter", "Trainer")


def told(events: list[dict]) -> list[tuple]:
    return [(event["event"].value, event.get("component"), event["time"]) for event in events]


def seen(*tasks: Task, ended: bool = False, error: str | None = None) -> Observed:
    return Observed("mine", IDS, tasks, ended, error)


def test_a_run_that_ends_well():
    events = new_events([], seen(Task("PairFilter", "running", 10.0)))
    assert told(events) == [("pipeline_started", None, 10.0), ("component_started", "PairFilter", 10.0)]
    assert events[0]["components"] == list(IDS)
    assert new_events(events, seen(Task("PairFilter", "running", 10.0))) == []
    events += new_events(
        events, seen(Task("PairFilter", "cached", 10.0, 12.0), Task("Trainer", "complete", 13.0, 20.0), ended=True)
    )
    assert told(events)[2:-1] == [
        ("component_finished", "PairFilter", 12.0),
        ("component_started", "Trainer", 13.0),
        ("component_finished", "Trainer", 20.0),
    ]
    record = record_of(Path(), events)
    assert record.succeeded
    assert [(part.state, part.seconds) for part in record.components] == [("cached", 2.0), ("complete", 7.0)]
    assert new_events(events, seen(Task("Trainer", "complete", 13.0, 20.0))) == []


def test_a_task_that_fails_says_why():
    events = new_events([], seen(Task("PairFilter", "failed", 1.0, 3.0, "out of memory"), ended=True, error="failed"))
    record = record_of(Path(), events)
    assert record.failed.id == "PairFilter"
    assert record.why_failed == "out of memory"
    assert not record.succeeded


def test_a_task_that_does_not_say_why_has_the_runs_reason():
    events = new_events([], seen(Task("Trainer", "failed", 1.0), ended=True, error="the run is failed"))
    assert record_of(Path(), events).why_failed == "the run is failed"


def test_a_run_that_ends_outside_of_any_task():
    record = record_of(Path(), new_events([], seen(ended=True, error="the run is canceled")))
    assert record.failed is None
    assert record.why_failed == "the run is canceled"


def test_tasks_that_no_spec_named_are_shown_too():
    events = new_events([], Observed("mine", (), [Task("Trainer", "running", 1.0), Task("Pusher", "waiting")]))
    assert [part.id for part in record_of(Path(), events).components] == ["Trainer", "Pusher"]


def test_tasks_stand_behind_what_they_wait_for():
    tasks = {"A": {"dependentTasks": ["C"]}, "B": {"dependentTasks": ["A"]}, "C": {}}
    assert in_order({"root": {"dag": {"tasks": tasks}}}) == ["C", "A", "B"]
    assert in_order({}) == []
