"""What the report's section on data tells: what was read, kept and dropped, and why."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_pipeline.report.contents import Contents, Missing
from tfx_pipeline.wording import NOTHING, count, measure

KINDS = ("images", "captions")
Splits = Mapping[str, Mapping[str, Any]]


def data_section(contents: Contents) -> dict[str, Any]:
    """Returns what ingest read and what the filter left, per split and reason."""
    return {"ingest": _ingest(contents.ingest), "filter": _filter(contents.filter)}


def _ingest(report: Mapping[str, Any] | Missing) -> dict[str, Any] | Missing:
    if isinstance(report, Missing):
        return report
    splits = report["splits"]
    return {
        "splits": list(splits),
        "balance": _balance(splits),
        "warnings": [*report.get("unknown_fields", []), *report.get("copies", [])],  # an older report has none
        "dropped": _by_reason(splits, "dropped"),
        "noted": _by_reason(splits, "noted"),
        **_samples(report["samples"]),
    }


def _filter(report: Mapping[str, Any] | Missing) -> dict[str, Any] | Missing:
    if isinstance(report, Missing):
        return report
    splits = report["splits"]
    columns = [(name, kind) for name, split in splits.items() if split["filtered"] for kind in KINDS]
    rules = [
        {
            "name": rule["name"],
            "source": rule["source"],
            "threshold": _threshold(rule["threshold"]),
            "numbers": [_number(splits[name][kind]["dropped"].get(rule["name"], 0)) for name, kind in columns],
        }
        for rule in report["rules"]
    ]
    return {
        "balance": _balance(splits),
        "columns": [f"{name}, {kind}" for name, kind in columns],
        "rules": rules,
        "whole": [name for name, split in splits.items() if not split["filtered"]],
        **_samples(report["samples"]),
    }


def _balance(splits: Splits) -> list[dict[str, Any]]:
    """Returns read, kept and dropped of both kinds, a row a split and one for all."""
    rows = [_balance_row(name, [split]) for name, split in splits.items()]
    return [*rows, _balance_row("all", [*splits.values()])] if len(splits) > 1 else rows


def _balance_row(name: str, splits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    tallies = [[sum(split[kind][fate] for split in splits) for fate in ("read", "kept")] for kind in KINDS]
    read, kept = tallies[0]
    return {
        "name": name,
        "numbers": [cell for read, kept in tallies for cell in (count(read), count(kept), _number(read - kept))],
        "share": kept / read if read else float("nan"),
        "width": 100 * kept / max(read, 1),
    }


def _by_reason(splits: Splits, fate: str) -> list[dict[str, Any]]:
    """Returns how many images and captions have each reason, per split and in all."""
    rows = []
    for kind in KINDS:
        found = [split[kind].get(fate, {}) for split in splits.values()]
        for reason in sorted(set().union(*found)):
            numbers = [of_split.get(reason, 0) for of_split in found]
            rows.append({"reason": reason, "kind": kind, "numbers": [*map(_number, numbers), _number(sum(numbers))]})
    return rows


def _samples(samples: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, Any]:
    """Returns some of the dropped records, by reason, and whether any has a picture or a caption."""
    rows = [
        {
            "reason": reason,
            "record": sample["record"],
            "detail": sample["detail"],
            "caption": sample.get("caption", ""),
            "thumbnail": base64.b64decode(sample["thumbnail"]) if "thumbnail" in sample else None,
        }
        for reason, of_reason in samples.items()
        for sample in of_reason
    ]
    pictured = any("thumbnail" in sample or "caption" in sample for found in samples.values() for sample in found)
    return {"samples": rows, "pictured": pictured}


def _threshold(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return count(value)
    return measure(value) if isinstance(value, float) else str(value)


def _number(number: int) -> str:
    return count(number) if number else NOTHING
