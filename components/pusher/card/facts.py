"""What a model card tells, as JSON: put together from what the components before the Pusher wrote.

```
{"format": 1, "name": text, "licence": text | null, "contact": ..., "intended_use": ..., "limits": ...,
 "data": {"said": text | null, "sources": {set: place}, "ingest": {split: {"images": TALLY, "captions": TALLY}},
          "languages": {BCP 47 tag: captions of the train split}},
 "filter": {"rules": [{"name", "drops", "threshold", "source", "dropped": {split: n}}], "splits": as of "ingest"},
 "training": {"model": fields of ModelConfig, "settings": fields of TrainingConfig, "last": line of the history},
 "evaluation": {"metrics": {split: {metric: {"value": x, "low": x, "high": x, "chance": x}}}, "images": {split: n},
                "captions": {split: n}},
 "serving": {"precision": text, "least_cosine_to_float32": {signature: x}, "load_s": x,
             "peak_memory_bytes": n, "latency_ms": {protocol: {signature: {"p50": x, "p99": x}}}},
 "lineage": {"artifacts": {input: {"id": n, "type": text, "uri": text}}, "files": {path: SHA-256},
             "weights": SHA-256, "vocabulary": SHA-256, "software": {"training": {name: version}, "pushing": ...}},
 "pushed": time as ISO 8601}
```
TALLY is `components.tally.Tally.to_json()`. What an input does not say is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.pusher.card.interval import wilson

FORMAT = 1
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What the components wrote; None where one wrote nothing, as earlier versions did not.

    Attributes:
      stated: {"name", "card": fields of CardConfig, "sources"}, by the config.
      ingest, filter, vocabulary: the reports of components/artifacts.py.
      numbers: the Evaluator's NUMBERS_FILE.
      model: the Trainer's MODEL_FILE.
      training: its TRAINING_FILE.
      last: the last line of its history.
      serving: the ServingValidator's SERVING_VALIDATION_FILE.
    """

    stated: Json
    ingest: Json | None = None
    filter: Json | None = None
    vocabulary: Json | None = None
    numbers: Json | None = None
    model: Json | None = None
    training: Json | None = None
    last: Json | None = None
    serving: Json | None = None


def card(told: Told, *, artifacts: Json, files: Mapping[str, str], software: Mapping[str, str], pushed: str) -> Json:
    """Put a card together.

    Args:
      told: what the components wrote.
      artifacts: input of the Pusher -> {"id", "type", "uri"}.
      files: path in the version -> SHA-256 in hex.
      software: name -> version, of what pushes.
      pushed: when, as ISO 8601.
    """
    said = told.stated.get("card", {})
    model, training = told.model or {}, told.training or {}
    return {
        "format": FORMAT,
        "name": told.stated.get("name"),
        **{field: said.get(field) for field in ("licence", "contact", "intended_use", "limits")},
        "data": {
            "said": said.get("data"),
            "sources": told.stated.get("sources", {}),
            "ingest": None if told.ingest is None else told.ingest["splits"],
            "languages": _languages(told.vocabulary),
        },
        "filter": _filter(told.filter),
        "training": {"model": model.get("model"), "settings": training.get("training"), "last": told.last},
        "evaluation": _evaluation(told.numbers),
        "serving": _serving(told.serving),
        "lineage": {
            "artifacts": artifacts,
            "files": dict(sorted(files.items())),
            **{part: model.get(part, {}).get("sha256") for part in ("weights", "vocabulary")},
            "software": {"training": training.get("software"), "pushing": software},
        },
        "pushed": pushed,
    }


def _languages(vocabulary: Json | None) -> Json | None:
    if vocabulary is None or "languages" not in vocabulary:
        return None
    return {tag: found["captions"] for tag, found in vocabulary["languages"].items()}


def _filter(report: Json | None) -> Json | None:
    if report is None:
        return None
    splits = {name: split for name, split in report["splits"].items() if split["filtered"]}
    kinds = {"image": "images", "caption": "captions"}
    return {
        "rules": [
            {
                **{field: rule[field] for field in ("name", "drops", "threshold", "source")},
                "dropped": {
                    name: split[kinds[rule["drops"]]]["dropped"].get(rule["name"], 0) for name, split in splits.items()
                },
            }
            for rule in report["rules"]
        ],
        "splits": report["splits"],
    }


def _evaluation(numbers: Json | None) -> Json | None:
    """Tell each metric of the Evaluator with its interval and what guessing gets.

    An interval counts images, or captions where those are fewer: captions of one image are no independent draws.
    """
    if numbers is None:
        return None
    metrics: dict[str, dict[str, Any]] = {}
    for split, found in numbers["metrics"].items():
        metrics[split] = {}
        count = min(found.get("num_images") or 0, found.get("num_captions") or 0)
        for name, value in found.items():
            if name.startswith(("num_", "chance_", "majority_")) or value is None:
                continue
            low, high = wilson(value, count) if count else (None, None)
            chance = found.get("chance_zero_shot" if name == "zero_shot_top_1" else f"chance_{name}")
            metrics[split][name] = {"value": value, "low": low, "high": high, "chance": chance}
    of = {
        kind: {split: found.get(f"num_{kind}") for split, found in numbers["metrics"].items()}
        for kind in ("images", "captions")
    }
    return {"metrics": metrics, **of}


def _serving(found: Json | None) -> Json | None:
    fields = ("precision", "least_cosine_to_float32", "load_s", "peak_memory_bytes", "latency_ms")
    return None if found is None else {field: found.get(field) for field in fields}
