"""What is known of each version in a pushed folder: when it came, of which run, by what it was blessed.

Imports no framework.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.artifact_files import MODEL_CARD_FILE
from components.component_ids import PUSHER
from serving.taking_back import taken_back_versions
from serving.versions import is_complete, is_same_model, numbered_folders
from tfx_pipeline.runs.event_log import EVENTS_FILE
from tfx_pipeline.runs.folders import RUNS
from tfx_pipeline.runs.run_record import CONFIG_FILE, RunRecord, read_record
from tfx_pipeline.settings.config import ConfigError
from tfx_pipeline.settings.yaml_text import read_yaml

HEADLINES = ("i2t_recall_at_10", "t2i_recall_at_10")


@dataclass(frozen=True)
class PushedVersion:
    """A version, be it in the servers' sight or not.

    Attributes:
      number: its name as a number.
      folder: where it lies.
      pushed: Unix time at which its last file was written.
      size_bytes: of all its files.
      is_whole: whether all of its files are there.
      is_taken_back: whether it is out of the servers' sight.
      run: the local run that pushed it; None where none did, as on a cluster.
      blessed_by: "<split>/<metric>" -> (value, least that blesses) of that run; without a run, what the model's card
        says of HEADLINES, whose least is None.
    """

    number: int
    folder: Path
    pushed: float
    size_bytes: int
    is_whole: bool
    is_taken_back: bool
    run: str | None
    blessed_by: Mapping[str, tuple[float, float | None]]


def pushed_versions(base: Path, root: Path) -> list[PushedVersion]:
    """Returns the versions of a pushed folder, the newest first.

    Args:
      base: the folder.
      root: the folder of the local runs that may have pushed them.
    """
    pushes = _pushes(root)
    found = [(number, folder, False) for number, folder in numbered_folders(base).items()]
    found += [(number, folder, True) for number, folder in taken_back_versions(base).items()]
    return [_described(*each, pushes) for each in sorted(found, reverse=True)]


def _described(number: int, folder: Path, is_taken_back: bool, pushes: Mapping[Path, RunRecord]) -> PushedVersion:
    stats = [path.stat() for path in folder.rglob("*") if path.is_file()]
    record = next((record for archive, record in pushes.items() if is_same_model(folder, archive)), None)
    return PushedVersion(
        number=number,
        folder=folder,
        pushed=max((stat.st_mtime for stat in stats), default=folder.stat().st_mtime),
        size_bytes=sum(stat.st_size for stat in stats),
        is_whole=is_complete(folder),
        is_taken_back=is_taken_back,
        run=record.run_dir.name if record else None,
        blessed_by=_blessed_by(record) if record else _of_the_card(folder),
    )


def _pushes(root: Path) -> dict[Path, RunRecord]:
    """Returns the Pusher's own copy of a model -> the first run that pushed it; a damaged record is passed by."""
    found: dict[Path, RunRecord] = {}
    for events in sorted((root / RUNS).glob(f"*/{EVENTS_FILE}")):
        try:
            record = read_record(events.parent)
        except ConfigError:
            continue
        archive = record.output(PUSHER, "pushed_model")
        if archive is not None:
            found.setdefault(archive, record)
    return found


def _of_the_card(folder: Path) -> dict[str, tuple[float, None]]:
    """Returns the headlines of the card beside a model, {} where there is none; it comes along from another machine."""
    try:
        splits = json.loads((folder / MODEL_CARD_FILE).read_text(encoding="utf-8"))["evaluation"]["metrics"]
        return {
            f"{split}/{name}": (found[name]["value"], None)
            for split, found in splits.items()
            for name in HEADLINES
            if name in found
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _blessed_by(record: RunRecord) -> dict[str, tuple[float, float | None]]:
    """Returns the metrics that had to reach a value, or {} where the run keeps them no more."""
    try:
        found = json.loads((record.run_dir / "evaluation.json").read_text(encoding="utf-8"))
        config = read_yaml((record.run_dir / CONFIG_FILE).read_bytes(), CONFIG_FILE)
        least = config["evaluation"]["min_metrics"]
        parts = {key: key.split("/", 1) for key in least}
        return {key: (found["metrics"][split][name], least[key]) for key, (split, name) in parts.items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
