"""The page of a comparison: the table of numbers, then what flipped, with pictures. One file that loads nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSetError, PictureMissing
from components.evaluator.tasks.judged import Item
from serving.pictures import PictureError
from tfx_pipeline.files import write_file
from tfx_pipeline.judging.compare import Compared, Comparison, Flip
from tfx_pipeline.judging.comparison_table import difference, style_of, what_was_judged
from tfx_pipeline.judging.pictures import small_picture
from tfx_pipeline.judging.suites import suite_entries
from tfx_pipeline.judging.tables import image_tables
from tfx_pipeline.judging.told import amount, title
from tfx_pipeline.report.templating import fill
from tfx_pipeline.settings.config import ConfigError

PAGE_FILE = "comparison.html"
_TINTS = {"green": "good", "red": "bad", "": ""}


def write_comparison(found: Comparison, data: Path, out: Path) -> Path:
    """Write the page into a folder and return its path.

    Args:
      found: the comparison.
      data: the folder that holds a folder for each set; a set that is not there has no pictures.
      out: the folder.

    Raises:
      ConfigError: where it cannot be written.
    """
    page = out / PAGE_FILE
    write_file(page, render(found, data).encode("utf-8", "replace"), str(page))
    return page


def render(found: Comparison, data: Path) -> str:
    """Returns the page as HTML."""
    pictures = _pictures_of_all(found, data)
    fair = [compared for compared in found.rows if not compared.remark]
    won, lost = (sum(getattr(compared, way) for compared in fair) for way in ("won", "lost"))
    return fill(
        "comparison.html.j2",
        title=f"{found.first.model['name']} and {found.second.model['name']}",
        headline={
            "name": f"Suite {found.first.suite['name']}",
            "word": f"{won} won, {lost} lost",
            "kind": "good" if won > lost else "bad" if lost > won else "open",
            "lead": f"A is {found.first.model['name']}. B is {found.second.model['name']}.",
            "reasons": list(found.alone),
        },
        rows=[_row(compared, pictures.get(compared.row.judged.dataset, {})) for compared in found.rows],
    )


def _row(compared: Compared, pictures: Mapping[str, bytes]) -> dict[str, Any]:
    return {
        "name": what_was_judged(compared),
        "won": compared.won,
        "lost": compared.lost,
        "left_out": compared.left_out,
        "remark": compared.remark,
        "numbers": [
            {
                "title": title(change.name),
                "cells": [amount(change.name, change.first), amount(change.name, change.second), *difference(change)],
                "tint": _TINTS[style_of(change)],
            }
            for change in compared.changes
        ],
        "flips": [_flip(flip, pictures) for flip in compared.flips],
    }


def _flip(flip: Flip, pictures: Mapping[str, bytes]) -> dict[str, Any]:
    items = {"asked": flip.asked, "right": flip.right, "got": flip.got}
    return {
        "better": flip.better,
        **{
            name: {"text": item.text or item.image, "jpeg": pictures.get(item.image), "shows": bool(item.image)}
            for name, item in items.items()
        },
    }


def _images(flip: Flip) -> Iterable[str]:
    items: tuple[Item, ...] = (flip.asked, flip.right, flip.got)
    return (item.image for item in items if item.image)


def _pictures_of_all(found: Comparison, data: Path) -> dict[str, dict[str, bytes]]:
    """Returns data set -> name -> JPEG of the images that are to be shown; a set that is gone has none."""
    try:
        entries = {entry.name: entry for entry in suite_entries(found.first.suite["name"])}
    except ConfigError:
        return {}
    wanted: dict[str, set[str]] = {}
    for compared in found.rows:
        names = {name for flip in compared.flips for name in _images(flip)}
        wanted.setdefault(compared.row.judged.dataset, set()).update(names)
    return {name: _pictures(entries[name], data, names) for name, names in wanted.items() if names and name in entries}


def _pictures(entry: Entry, data: Path, wanted: set[str]) -> dict[str, bytes]:
    try:
        tables = image_tables(entry.load(data))
    except DataSetError:
        return {}
    found = {}
    for table in tables:
        for name, picture in zip(table.names, table.pictures, strict=True):
            if name in wanted:
                with contextlib.suppress(PictureMissing, PictureError):
                    found[name] = small_picture(picture())
    return found
