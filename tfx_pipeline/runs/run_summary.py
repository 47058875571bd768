"""One phrase on what a finished component made, from the small files in its outputs. Imports no framework."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components import artifact_files as files
from components import component_ids as ids
from serving.signatures import ENCODE_IMAGE, ENCODE_TEXT
from serving.versions import SAVED_MODEL_FILE
from tfx_pipeline.runs.run_record import ComponentRecord
from tfx_pipeline.runs.training_history import read_last_line
from tfx_pipeline.settings.config import ConfigError
from tfx_pipeline.wording import count, counted, duration, moment


def summarize(component: ComponentRecord) -> str:
    """Returns what a component made, such as "2,000 pieces from 5,311 words", or "" where there is nothing to say."""
    describe = _DESCRIBE.get(component.id.partition("-")[0])  # EvaluationSet-<name>
    if describe is None or not component.finished:
        return ""
    key, phrase = describe
    if key not in component.outputs:
        return ""
    try:
        return phrase(Path(component.outputs[key]))
    except (OSError, ValueError, KeyError, TypeError, ConfigError):
        return "its numbers cannot be read"


def outcome(component: ComponentRecord) -> str:
    """Returns a component's state in words: of a cached one also since when its result stands, if that is known."""
    return component.state if component.since is None else f"{component.state} since {moment(component.since)}"


def _ingested(uri: Path) -> str:
    report = json.loads((uri / files.INGEST_REPORT_FILE).read_text(encoding="utf-8"))
    warnings = [*report.get("unknown_fields", []), *report.get("copies", [])]
    return "; ".join([_pairs(uri / files.INGEST_REPORT_FILE), *warnings])


def _validated(uri: Path) -> str:
    from components.validation.anomalies import read_anomalies  # with protobuf

    found = []
    for path in sorted(uri.glob(f"{files.split_folder('*')}/{files.ANOMALIES_FILE}")):
        found += read_anomalies(path.read_bytes(), files.split_of(path.parent.name))
    if not found:
        return "no anomalies"
    first = f"{found[0].feature} in {found[0].split}" if found[0].feature else found[0].split
    words = "anomaly" if len(found) == 1 else "anomalies, the first"
    return f"{count(len(found))} {words}: {first}: {found[0].kind}"


def _pairs(path: Path) -> str:
    splits = json.loads(path.read_text(encoding="utf-8"))["splits"].values()
    kept = {kind: sum(split[kind]["kept"] for split in splits) for kind in ("images", "captions")}
    dropped = {kind: sum(split[kind]["read"] for split in splits) - kept[kind] for kind in kept}
    phrase = f"{counted(kept['images'], 'image')}, {counted(kept['captions'], 'caption')}"
    lost = [counted(number, kind.removesuffix("s")) for kind, number in dropped.items() if number]
    phrase += f", dropped {' and '.join(lost)}" if lost else ", none dropped"
    return ", ".join([phrase, *noted(splits)])


def noted(splits: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns what was noted of kept images and captions in all splits, such as "language_unknown in 3 captions".

    Args:
      splits: of an ingest report; one of an earlier version has no notes.
    """
    found: Counter[tuple[str, str]] = Counter()
    for split in splits:
        for kind in ("images", "captions"):
            found.update({(name, kind): number for name, number in split[kind].get("noted", {}).items()})
    return [f"{name} in {counted(number, kind.removesuffix('s'))}" for (name, kind), number in sorted(found.items())]


def _vocabulary(uri: Path) -> str:
    report = json.loads((uri / files.VOCABULARY_REPORT_FILE).read_text(encoding="utf-8"))
    return f"{counted(report['pieces'], 'piece')} from {counted(report['distinct_words'], 'word')}"


def _training(uri: Path) -> str:
    last = read_last_line(uri / files.HISTORY_FILE)
    if last is None:
        return ""
    phrases = [f"{count(last.step)} steps in {duration(last.seconds)}"]
    if last.skipped_steps:
        phrases.append(f"{count(last.skipped_steps)} of them skipped")
    phrases.append(f"loss {last.loss:.3f}" if math.isfinite(last.loss) else "loss not finite at the last step")
    if last.warnings:
        phrases.append(f"{counted(len(last.warnings), 'warning')} at its end")
    return ", ".join(phrases)


def _blessing(uri: Path) -> str:
    return "blessed" if (uri / files.BLESSED_FILE).is_file() else "not blessed"


def _served(uri: Path) -> str:
    found = json.loads((uri / files.SERVING_VALIDATION_FILE).read_text(encoding="utf-8"))
    if not found["blessed"]:
        return f"not blessed: {found['reasons'][0]}"
    medians = {signature: times["p50"] for signature, times in found["latency_ms"]["gRPC"].items()}
    asked = f"{medians[ENCODE_IMAGE]:.1f} ms a picture, {medians[ENCODE_TEXT]:.1f} ms a text"
    return f"blessed: {asked}, loaded in {duration(found['load_s'])}"


def _pushed(uri: Path) -> str:
    return "pushed" if (uri / SAVED_MODEL_FILE).is_file() else "nothing pushed"


_DESCRIBE = {  # component id -> output key, what to say of it
    ids.PAIR_EXAMPLE_GEN: ("report", _ingested),
    ids.EVALUATION_SET: ("report", _ingested),
    ids.EXAMPLE_VALIDATOR: ("anomalies", _validated),
    ids.PAIR_FILTER: ("report", lambda uri: _pairs(uri / files.FILTER_REPORT_FILE)),
    ids.VOCABULARY: ("vocabulary", _vocabulary),
    ids.TRAINER: ("model_run", _training),
    ids.EVALUATOR: ("blessing", _blessing),
    ids.SERVING_VALIDATOR: ("blessing", _served),
    ids.PUSHER: ("pushed_model", _pushed),
}
