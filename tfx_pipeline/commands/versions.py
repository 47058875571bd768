"""The bodies of `align versions`, `align rollback` and `align label`: what is pushed, and which of it servers take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from serving.taking_back import make_newest
from serving.version_labels import CONFIG_FILE, listed_versions, read_labels, with_labels
from serving.versions import base_within, complete_versions
from tfx_pipeline.files import write_file
from tfx_pipeline.runs.folders import PUSHED_MODELS
from tfx_pipeline.runs.pushed_versions import PushedVersion, pushed_versions
from tfx_pipeline.settings.config import ConfigError, as_config_error


def pushed_folder(root: Path, model: Path | None) -> Path:
    """Returns the folder of numbered versions that a command is about.

    Args:
      root: the pipeline's folder, whose own one it is where `model` is None.
      model: the folder, or one with `servable/` in it.
    """
    return root / PUSHED_MODELS if model is None else base_within(model) or model


def show_versions(root: Path, base: Path, console: Console) -> None:
    """Print each version: when it came, how large it is, by what it was blessed, of which run, and who gets it.

    Raises:
      ConfigError: where there is none.
    """
    versions = pushed_versions(base, root)
    if not versions:
        raise ConfigError(f"{base} holds no version; `align run` pushes one where the model is blessed")
    labels = _labels_of(base)
    listed = listed_versions(base.parent / CONFIG_FILE)
    newest = max(complete_versions(base), default=None)
    width = max(len(str(each.number)) for each in versions)
    for each in versions:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.pushed))
        run = f"run {each.run}" if each.run else "by no run of this folder"
        facts = [_served(each, labels, listed, newest), f"pushed {when}", f"{each.size_bytes / 1e6:.1f} MB", run]
        _say(console, f"{each.number:>{width}}  {', '.join(facts)}")
        for key, (value, least) in each.blessed_by.items():
            _say(console, f"{'':{width}}  {key} {value:.3f}" + ("" if least is None else f", at least {least:g}"))
    if labels:
        _say(console, f"The labels stand in {base.parent / CONFIG_FILE}.")


def roll_back(base: Path, to: int | None, console: Console) -> None:
    """Make a version the newest that servers see, and say what follows.

    Args:
      base: folder of numbered versions.
      to: which; None for the one before the newest.
      console: where to print.

    Raises:
      ConfigError: where there is no such version, or a label stands in the way.
    """
    labels = _labels_of(base)
    before = max(complete_versions(base), default=None)
    if labels:
        told = " ".join(f"{label}={version}" for label, version in labels.items())
        raise ConfigError(
            f"{base.parent / CONFIG_FILE} says which versions are served ({told}); move a label in the place of the "
            f"folders, such as `align label {next(iter(labels))}={to if to is not None else 'VERSION'}`"
        )
    with as_config_error(ValueError):
        try:
            moved = make_newest(base, to)
        except OSError as error:
            raise ConfigError(f"{base} cannot be changed ({error.strerror}); mend that and try again") from error
    if not moved.taken_back and not moved.brought_back:
        console.print(f"Version {moved.newest} is the newest already.", highlight=False)
        return
    _say(console, f"Version {moved.newest} is now the newest that servers see.")
    for verb, numbers in (("Taken back", moved.taken_back), ("Brought back", moved.brought_back)):
        if numbers:
            _say(console, f"{verb}: {', '.join(map(str, numbers))}.")
    _say(console, "A running server takes it up when it next looks into the folder, within a second by default.")
    if before is not None:
        _say(console, f"`align rollback --to {before}` undoes this.")


def label(base: Path, given: Sequence[str], base_path: str | None, console: Console) -> None:
    """Write labels into the model config file, and say what servers are to be told.

    Args:
      base: folder of numbered versions.
      given: LABEL=VERSION, or LABEL= to remove one.
      base_path: how servers call the folder; None leaves it.
      console: where to print.

    Raises:
      ConfigError: for what is no label, or a version that is not there whole.
    """
    path = base.parent / CONFIG_FILE
    labels, there = _labels_of(base), complete_versions(base)
    for item in given:
        name, equals, number = item.partition("=")
        if not equals or not (number == "" or (number.isascii() and number.isdigit())):
            raise ConfigError(f"{item!r} is no LABEL=VERSION; write such as stable=3, or stable= to remove the label")
        if number and int(number) not in there:
            known = ", ".join(map(str, there)) or "none"
            raise ConfigError(f"{item} names a version that {base} does not hold whole in sight; it holds {known}")
        if number:
            labels[name] = int(number)
        elif labels.pop(name, None) is None:
            raise ConfigError(f"{item} removes a label that {path} does not have")
    with as_config_error():
        text = with_labels(path, base, labels, base_path)
    write_file(path, text.encode(), str(path))
    for name, version in sorted(labels.items()):
        _say(console, f"{name} is version {version}.")
    _say(
        console,
        f"Written to {path}, for TensorFlow Serving's --model_config_file and `align serve --model-config-file`.",
    )
    if not labels:
        _say(console, "Without a label the newest version is served.")


def _labels_of(base: Path) -> dict[str, int]:
    with as_config_error():
        return read_labels(base.parent / CONFIG_FILE)


def _served(version: PushedVersion, labels: dict[str, int], listed: list[int], newest: int | None) -> str:
    if version.is_taken_back:
        return "taken back"
    if not version.is_whole:
        return "not whole: files are missing"
    named = [label for label, number in labels.items() if number == version.number]
    if labels:
        return ", ".join(named) or ("loaded for the way back" if version.number in listed else "not loaded")
    return "newest" if version.number == newest else "older"


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)
