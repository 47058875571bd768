"""The report's sections on data: what was read, kept and dropped and why, and what the vocabulary learnt."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from tfx_pipeline.report.blocks import beside, details, note, picture, section, table
from tfx_pipeline.report.contents import Contents, Missing
from tfx_pipeline.report.markup import Child, Markup, tag
from tfx_pipeline.wording import NOTHING, count, measure, percent

KINDS = ("images", "captions")
Splits = Mapping[str, Mapping[str, Any]]


def data_section(contents: Contents) -> Markup:
    """Returns what ingest read and what the filter left, per split and reason."""
    return section(
        "Data",
        tag("h3", "Read from the shards"),
        _ingest(contents.ingest),
        tag("h3", "Filtered"),
        _filter(contents.filter),
        lead="Each record that came in is either kept or dropped for one named reason: read = kept + dropped.",
    )


def vocabulary_section(contents: Contents) -> Markup:
    """Returns the size and coverage of the vocabulary."""
    report = contents.vocabulary
    if isinstance(report, Missing):
        return section("Vocabulary", note(report.why))
    facts = [
        ("Word pieces", count(report["pieces"])),
        ("Learnt from captions of the train split", count(report["captions"])),
        ("Words in them", count(report["words"])),
        ("Distinct words", count(report["distinct_words"])),
        ("Pieces per word", f"{report['pieces_per_word']:.2f}"),
        ("Words that it cannot write", percent(report["unknown_word_rate"])),
    ]
    return section("Vocabulary", table(("", ""), facts), _languages(report.get("languages", {})))


def _languages(languages: Mapping[str, Mapping[str, Any]]) -> Child:
    """Returns the vocabulary's coverage of each language; a report of an earlier version has none."""
    if not languages:
        return None
    header = ("Language", "Captions", "Words", "Distinct words", "Pieces per word", "Words that it cannot write")
    rows = [
        [
            tag("code", language),
            count(report["captions"]),
            count(report["words"]),
            count(report["distinct_words"]),
            f"{report['pieces_per_word']:.2f}",
            percent(report["unknown_word_rate"]),
        ]
        for language, report in languages.items()
    ]
    return table(header, rows)


def _ingest(report: Mapping[str, Any] | Missing) -> Child:
    if isinstance(report, Missing):
        return note(report.why)
    splits = report["splits"]
    why = _by_reason(splits, "dropped", "Dropped") or note("Nothing was dropped here.")
    unknown = [note(f"{sentence}.") for sentence in report.get("unknown_fields", [])]
    return [
        _balance(splits),
        *unknown,
        why,
        _by_reason(splits, "noted", "Kept all the same"),
        _samples(report["samples"]),
    ]


def _by_reason(splits: Splits, fate: str, title: str) -> Child:
    """Returns how many images and captions have each reason, or nothing where none has any."""
    reasons = [(reason, kind) for kind in KINDS for reason in _reasons(splits, kind, fate)]
    if not reasons:
        return None
    rows = ([tag("code", reason), kind, *_across(splits, kind, fate, reason)] for reason, kind in reasons)
    return table(("Reason", title, *splits, "all"), rows, words=2)


def _filter(report: Mapping[str, Any] | Missing) -> Child:
    if isinstance(report, Missing):
        return note(report.why)
    splits, rules = report["splits"], report["rules"]
    filtered = {name: split for name, split in splits.items() if split["filtered"]}
    header = ("Rule", "Threshold", *(f"{name}, {kind}" for name in filtered for kind in KINDS))
    rows = [
        [
            beside(tag("code", rule["name"]), rule["source"]),
            _threshold(rule["threshold"]),
            *(_number(filtered[name][kind]["dropped"].get(rule["name"], 0)) for name in filtered for kind in KINDS),
        ]
        for rule in rules
    ]
    whole = [name for name in splits if name not in filtered]
    passed = f"Not filtered, passed whole: {', '.join(whole)}. " if whole else ""
    words = "Rules in the order in which they are applied; a dropped image takes its captions along."
    return [
        _balance(splits),
        table(header, rows),
        tag("p", passed, words, class_="remark"),
        _samples(report["samples"]),
    ]


def _balance(splits: Splits) -> Markup:
    """Returns read, kept and dropped of both kinds, a row a split and one for all."""
    header = [
        "Split",
        *(f"{kind} {fate}" for kind in KINDS for fate in ("read", "kept", "dropped")),
        "share of images kept",
    ]
    rows: list[list[Child]] = []
    totals = {(kind, fate): 0 for kind in KINDS for fate in ("read", "kept")}
    for name, split in splits.items():
        for kind, fate in totals:
            totals[kind, fate] += split[kind][fate]
        rows.append(_balance_row(name, {(kind, fate): split[kind][fate] for kind, fate in totals}))
    if len(splits) > 1:
        rows.append(_balance_row("all", totals))
    return table(header, rows)


def _balance_row(name: str, numbers: Mapping[tuple[str, str], int]) -> list[Child]:
    row: list[Child] = [name]
    for kind in KINDS:
        read, kept = numbers[kind, "read"], numbers[kind, "kept"]
        row += [count(read), count(kept), _number(read - kept)]
    read, kept = numbers["images", "read"], numbers["images", "kept"]
    share = percent(kept / read) if read else NOTHING
    bar = tag("span", tag("span", style=f"width:{100 * kept / max(read, 1):.1f}%"), class_="bar")
    return [*row, [share, " ", bar]]


def _reasons(splits: Splits, kind: str, fate: str) -> list[str]:
    return sorted({reason for split in splits.values() for reason in split[kind].get(fate, {})})


def _across(splits: Splits, kind: str, fate: str, reason: str) -> list[str]:
    numbers = [split[kind].get(fate, {}).get(reason, 0) for split in splits.values()]
    return [*map(_number, numbers), _number(sum(numbers))]


def _samples(samples: Mapping[str, Sequence[Mapping[str, str]]]) -> Child:
    """Returns some of the dropped records, by reason, with their pictures and captions where the report has them."""
    found = [(reason, sample) for reason, of_reason in samples.items() for sample in of_reason]
    if not found:
        return None
    header, words = ["Reason", "Record", "What was found"], 3
    rows: list[list[Child]] = [[tag("code", reason), sample["record"], sample["detail"]] for reason, sample in found]
    if any("thumbnail" in sample or "caption" in sample for _, sample in found):
        header, words = [*header, "Caption", ""], 4
        rows = [[*row, sample.get("caption"), _thumbnail(sample)] for row, (_, sample) in zip(rows, found, strict=True)]
    return details("Samples", table(header, rows, words=words))


def _thumbnail(sample: Mapping[str, str]) -> Markup:
    jpeg = base64.b64decode(sample["thumbnail"]) if "thumbnail" in sample else None
    return tag("span", picture(jpeg, sample.get("caption", "")), class_="sample")


def _threshold(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return count(value)
    return measure(value) if isinstance(value, float) else str(value)


def _number(number: int) -> str:
    return count(number) if number else NOTHING
