"""Shows on the terminal what each rule dropped in a dry run of the filter, and what the figures do not say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.pair_filter.judging.rules import OFF
from tfx_pipeline.runs.run_summary import noted
from tfx_pipeline.wording import NOTHING, count, counted, percent

COUNTING_RULES = ("captions_per_image", "images_per_caption", "rare_ngram")  # over the whole of the train split
SAMPLES_SHOWN = 2  # of each rule
SAMPLE_CHARACTERS = 100


@dataclass(frozen=True)
class DryRun:
    """What a dry run found out.

    Attributes:
      sample: about how many records were read, or None for all.
      ingest, filter: the reports of the two components, as components/artifacts.py describes them.
      evaluation_sets: name -> images that were compared with.
    """

    sample: int | None
    ingest: Mapping[str, Any]
    filter: Mapping[str, Any]
    evaluation_sets: Mapping[str, int]


def show(found: DryRun, console: Console) -> None:
    """Print a table for each split that was filtered, samples of what was dropped, and what to bear in mind."""
    for split, tallies in found.filter["splits"].items():
        if tallies["filtered"]:
            console.print(split_table(split, tallies, found.filter["rules"]))
    for line in sample_lines(found.filter):
        console.print(line, soft_wrap=True, highlight=False)
    for note in notes(found):
        console.print(f"\n{note}", highlight=False)


def split_table(split: str, tallies: Mapping[str, Any], rules: list[dict]) -> Table:
    """Returns the table of one split: a row for each rule, then kept and read, which is their sum."""
    table = Table(title=f"split {escape(split)}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("rule")
    for name in ("threshold", "images", "captions", "of captions"):
        table.add_column(name, justify="right")
    images, captions = tallies["images"], tallies["captions"]
    for rule in rules:
        name = rule["name"]
        numbers = [images["dropped"].get(name, 0), captions["dropped"].get(name, 0)]
        if threshold(rule) == OFF:
            table.add_row(name, OFF, NOTHING, NOTHING, NOTHING)
        elif rule["drops"] == "caption":
            table.add_row(name, threshold(rule), NOTHING, *_of(numbers[1], captions["read"]))
        elif name == rules[-1]["name"]:  # follows from the rules on captions, which have counted the captions
            table.add_row(name, "", count(numbers[0]), NOTHING, NOTHING)
        else:
            table.add_row(name, threshold(rule), count(numbers[0]), *_of(numbers[1], captions["read"]))
    table.add_section()
    table.add_row("kept", "", count(images["kept"]), *_of(captions["kept"], captions["read"]))
    table.add_row("read", "", count(images["read"]), *_of(captions["read"], captions["read"]))
    return table


def threshold(rule: Mapping[str, Any]) -> str:
    """Returns a rule's threshold as the table has it."""
    value = rule["threshold"]
    if isinstance(value, bool):
        return "on" if value else OFF
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)


def sample_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines with a few of the texts that each rule dropped; of an image its first caption."""
    rules = {rule["name"]: rule for rule in report["rules"]}
    width = max(map(len, rules))
    for name, rule in rules.items():
        for number, sample in enumerate(report["samples"].get(name, [])[:SAMPLES_SHOWN]):
            text = (
                sample["detail"] if rule["drops"] == "caption" else f"{sample.get('caption', '')!r} {sample['detail']}"
            )
            text = " ".join(text.split())
            shown = text if len(text) <= SAMPLE_CHARACTERS else f"{text[: SAMPLE_CHARACTERS - 1]}…"
            yield f"  {'' if number else name:{width}}  [dim]{escape(shown)}[/dim]"


def notes(found: DryRun) -> Iterator[str]:
    """Yield what a reader of the table should know."""
    skipped: Counter[str] = Counter()
    for tallies in found.ingest["splits"].values():
        skipped.update(tallies["images"]["dropped"])
    if skipped:
        why = ", ".join(f"{reason} {count(number)}" for reason, number in skipped.most_common())
        examples = "".join(f"\n  {escape(_example(found.ingest, reason))}" for reason, _ in skipped.most_common())
        yield f"Ingest skipped {counted(skipped.total(), 'record')} before: {why}.{examples}"
    for phrase in noted(found.ingest["splits"].values()):
        yield escape(f"Ingest noted {phrase}, as in {_example(found.ingest, phrase.partition(' ')[0])}.")
    if found.evaluation_sets:
        sets = ", ".join(f"{name} ({counted(number, 'image')})" for name, number in found.evaluation_sets.items())
        most = f", {counted(found.sample, 'record')} of each at most" if found.sample else ""
        yield f"Compared with the evaluation sets {sets}{most}."
    if found.sample:
        yield (
            f"This is a sample of about {counted(found.sample, 'record')}. {', '.join(COUNTING_RULES)} count over "
            "the corpus: here they see the sample alone and so drop less than a full run would. evaluation_image "
            "sees only the evaluation images that were read."
        )


def _example(ingest: Mapping[str, Any], reason: str) -> str:
    sample = ingest["samples"][reason][0]
    return f"{sample['record']}: {sample['detail']}"


def _of(number: int, whole: int) -> tuple[str, str]:
    return count(number), percent(number / whole) if whole else NOTHING
