"""Reads what the components before the Pusher wrote, and lays the card that follows from it beside a model."""

from __future__ import annotations

import hashlib
import json
import platform
import posixpath
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib import metadata
from typing import Any

from components.artifact_files import (
    FILTER_REPORT_FILE,
    HISTORY_FILE,
    INGEST_REPORT_FILE,
    MODEL_CARD_FILE,
    MODEL_CARD_PAGE,
    MODEL_FILE,
    MODEL_FOLDER,
    NUMBERS_FILE,
    SERVING_VALIDATION_FILE,
    TRAINING_FILE,
    VOCABULARY_REPORT_FILE,
)
from components.beam import whole_files
from components.pusher.card.facts import Told, card
from components.pusher.card.page import page

_FILES = {  # field of Told -> input of the Pusher, file in its folder
    "ingest": ("ingest_report", INGEST_REPORT_FILE),
    "filter": ("filter_report", FILTER_REPORT_FILE),
    "vocabulary": ("vocabulary", VOCABULARY_REPORT_FILE),
    "numbers": ("evaluation", NUMBERS_FILE),
    "model": ("model_run", f"{MODEL_FOLDER}/{MODEL_FILE}"),
    "training": ("model_run", TRAINING_FILE),
    "serving": ("infra_blessing", SERVING_VALIDATION_FILE),
}
_SOFTWARE = ("align-tfx", "tfx", "tensorflow", "tensorflow-text", "apache-beam", "keras")
_CHUNK_BYTES = 1 << 20


def make_card(stated: Mapping[str, Any], artifacts: Mapping[str, Mapping[str, Any]], model: str) -> Mapping[str, Any]:
    """Returns a model's card.

    Args:
      stated: {"name", "card", "sources"} of the config.
      artifacts: input of the Pusher -> {"id", "type", "uri"}.
      model: folder of the SavedModel, local or remote.

    Raises:
      ValueError: where a file is no JSON; one that is not there leaves a gap in the card.
    """
    folders = {name: artifact["uri"] for name, artifact in artifacts.items()}
    told = {field: _json(posixpath.join(folders[of], name)) for field, (of, name) in _FILES.items() if of in folders}
    last = _last_line(posixpath.join(folders["model_run"], HISTORY_FILE)) if "model_run" in folders else None
    return card(
        Told(stated, **told, last=last),
        artifacts=artifacts,
        files={name: _digest(posixpath.join(model, name)) for name in whole_files.files_below(model)},
        software={"python": platform.python_version(), **{name: _version(name) for name in _SOFTWARE}},
        pushed=datetime.now(timezone.utc).isoformat(timespec="seconds"),
    )


def write_card(made: Mapping[str, Any], folder: str) -> None:
    """Write a card as JSON and as a page."""
    whole_files.write_json(posixpath.join(folder, MODEL_CARD_FILE), made)
    whole_files.write_text(posixpath.join(folder, MODEL_CARD_PAGE), page(made))


def _json(path: str) -> Any:
    return _parsed(whole_files.read_bytes(path), path) if whole_files.exists(path) else None


def _last_line(path: str) -> Any:
    lines = whole_files.read_bytes(path).splitlines() if whole_files.exists(path) else []
    return _parsed(lines[-1], path) if lines else None


def _parsed(content: bytes, path: str) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}; run the component that wrote it again") from error


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with whole_files.open_file(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # tensorflow-cpu stands for tensorflow in the image
        return "not installed under this name"
