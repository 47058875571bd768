"""What the options of the `align` command have in common: how a path, a config and an override are typed."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Annotated

import typer

from tfx_pipeline.settings.config import Config, ConfigError, at_home, load


def _path(text: str | Path) -> Path:
    """Returns a path as typed, with the home folder for ~, which no shell puts into --out=~/x; refuses an address."""
    if "://" in str(text):
        raise typer.BadParameter(
            f"{text} is an address, where a file or folder of this machine is asked for; copy it here first, such as "
            "by `gcloud storage cp -r` or `aws s3 cp --recursive`"
        )
    return Path(at_home(str(text), "a path"))


def _path_or_address(text: str) -> Path | str:
    """Returns a path as `_path` does, or an address as typed."""
    return text if "://" in text else _path(text)


path_option = functools.partial(typer.Option, parser=_path)
path_or_address_option = functools.partial(typer.Option, parser=_path_or_address)
path_argument = functools.partial(typer.Argument, parser=_path)

ConfigOption = Annotated[
    str, typer.Option("--config", "-c", help="A preset's name, a sweep's row as SWEEP/ROW, or the path of a YAML file.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Override one field, such as training.steps=500. May be given again.")
]


def config_of(source: str, overrides: list[str] | None) -> Config:
    """Returns the config that --config and --set name."""
    return load(at_home(source, "--config"), overrides_of(overrides))


def overrides_of(typed: list[str] | None) -> dict[str, str]:
    """Returns field -> value, as text, of each --set."""
    found = {}
    for item in typed or []:
        name, equals, value = item.partition("=")
        if not equals:
            raise ConfigError(f"--set {item!r} has no '='; write a field and a value, such as training.steps=500")
        found[name] = as_typed(value)
    return found


def as_typed(text: str) -> str:
    """Returns an argument's text, which Python takes apart into bytes where the locale knows ASCII alone."""
    is_whole = not any("\udc80" <= character <= "\udcff" for character in text)
    return text if is_whole else os.fsencode(text).decode("utf-8", "replace")
