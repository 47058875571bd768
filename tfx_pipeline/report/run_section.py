"""What the report tells of the run itself: how it ended, its components and artifacts, its config, what to do next."""

from __future__ import annotations

import math
import shlex
import time
from pathlib import Path
from typing import Any

from serving.signatures import ENCODE_IMAGE, ENCODE_TEXT
from tfx_pipeline.report.contents import Contents, Missing
from tfx_pipeline.runs.run_record import CONFIG_FILE
from tfx_pipeline.runs.run_summary import outcome, summarize
from tfx_pipeline.settings.config import ConfigError, build, load, preset_names
from tfx_pipeline.wording import NOTHING, count, counted, duration, percent

DEFAULT_PRESET = "demo"  # what the align command takes without --config


def headline(contents: Contents) -> dict[str, Any]:
    """Returns name, time, verdict with its reasons, and the key figures."""
    record = contents.record
    word, kind, reasons = verdict(contents)
    when = time.strftime("%d %B %Y, %H:%M", time.localtime(record.started)) if record.started else "not started"
    took = f" · {duration(record.seconds)} in all" if record.seconds is not None else ""
    return {
        "name": record.name,
        "word": word,
        "kind": kind,
        "lead": f"{when}{took} · run {record.run_dir.name}",
        "reasons": reasons,
        "figures": key_figures(contents),
    }


def verdict(contents: Contents) -> tuple[str, str, tuple[str, ...]]:
    """Returns how the run ended in a word, that word's kind ("good", "bad" or "open") and the reasons for it."""
    record, evaluation = contents.record, contents.evaluation
    if record.why_failed is not None:
        who = record.failed.id if record.failed else record.name
        return "failed", "bad", (f"{who} failed: {record.why_failed}",)
    if not record.succeeded:
        return "unfinished", "open", ("The pipeline had not reached its end when this was written.",)
    if isinstance(evaluation, Missing):
        return "finished", "open", (evaluation.why,)
    unfit = () if isinstance(contents.serving, Missing) else tuple(contents.serving["reasons"])
    if not evaluation.blessed or unfit:
        return "refused", "bad", (*evaluation.refusals, *(f"Served, {reason}." for reason in unfit))
    return ("blessed and pushed" if contents.pushed else "blessed"), "good", ()


def key_figures(contents: Contents) -> list[tuple[str, str, str]]:
    """Returns (what, value, beside it) of the figures that matter most, as far as they exist."""
    figures = []
    if not isinstance(contents.filter, Missing):
        splits = contents.filter["splits"].values()
        kept, read = (sum(split["images"][fate] for split in splits) for fate in ("kept", "read"))
        figures.append(("images kept", count(kept), f"of {count(read)} that were ingested"))
    if not isinstance(contents.history, Missing):
        last = contents.history[-1]
        speed = f", {count(last.pairs_per_s)} pairs/s" if math.isfinite(last.pairs_per_s) else ""
        warned = f", {counted(len(last.warnings), 'warning')} at its end" if last.warnings else ""
        figures.append(("training", duration(last.seconds), f"{count(last.step)} steps{speed}{warned}"))
    if not isinstance(contents.evaluation, Missing):
        for split, found in contents.evaluation.metrics.items():
            name = "t2i_recall_at_10"
            chance = f"{split}, guessing {percent(found.get(f'chance_{name}', float('nan')))}"
            figures.append(("text → image R@10", percent(found.get(name, float("nan"))), chance))
        for split, found in contents.evaluation.metrics.items():
            if found.get("num_classes"):
                largest = f"{split}, largest class {percent(found['majority_class_share'])}"
                figures.append(("zero-shot top-1", percent(found["zero_shot_top_1"]), largest))
    if not isinstance(contents.serving, Missing) and contents.serving["blessed"]:
        times = contents.serving["latency_ms"]["gRPC"]
        median, slow = (times[ENCODE_IMAGE][name] for name in ("p50", "p99"))
        text = f"p99 {slow:.1f} ms, a text {times[ENCODE_TEXT]['p50']:.1f} ms"
        figures.append(("a picture, served", f"{median:.1f} ms", text))
    return figures


def components_section(contents: Contents) -> list[dict[str, Any]] | Missing:
    """Returns each component with its state, time and the folders of its artifacts."""
    return [
        {
            "id": component.id,
            "made": summarize(component),
            "state": component.state,
            "outcome": outcome(component),
            "outputs": [(f"{key}/{Path(uri).name}", uri) for key, uri in sorted(component.outputs.items())],
            "time": NOTHING if component.seconds is None else duration(component.seconds),
        }
        for component in contents.record.components
    ] or Missing("Not reached: the pipeline did not start.")


def config_section(contents: Contents) -> str | Missing:
    """Returns the config that was used."""
    return contents.config_text or Missing(f"The run has no {CONFIG_FILE}.")


def next_commands(contents: Contents) -> list[tuple[str, str]]:
    """Returns the commands that go on from here, each with what it does."""
    flag = config_flag(contents)
    commands = [
        (f"align report{flag}", "writes this page again"),
        (f"align run{flag}", "runs again; what is unchanged comes from the cache"),
    ]
    if contents.pushed:
        commands = [
            (f"align query{flag} 'sad cat'", "ranks the images for a text, an image, or both"),
            (f"align serve{flag}", "answers TensorFlow Serving's gRPC API with the pushed model"),
            *commands,
        ]
    return commands


def config_flag(contents: Contents) -> str:
    """Returns the --config flag that means this run's config: none, a preset's name, or the run's own file."""
    try:
        used = build(contents.config)
    except ConfigError:
        used = None  # of another version
    for name in preset_names():
        if used == load(name):
            return "" if name == DEFAULT_PRESET else f" --config {name}"
    return f" --config {shlex.quote(str(contents.record.run_dir / CONFIG_FILE))}"
