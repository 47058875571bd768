"""Those subcommands of `align` that are about the versions in the pushed folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tfx_pipeline.command_line.options import ConfigOption, SetOption, config_of, path_option

app = typer.Typer()
ModelOption = Annotated[
    Path | None, path_option("--model", help="Folder of numbered versions; the pushed ones if not given.")
]


@app.command()
def versions(config: ConfigOption = "demo", set_: SetOption = None, model: ModelOption = None) -> None:
    """List the pushed versions: when, by what each was blessed, of which run, and which one servers take."""
    from tfx_pipeline.commands.versions import pushed_folder, show_versions

    root = config_of(config, set_).root
    show_versions(root, pushed_folder(root, model), Console())


@app.command()
def rollback(
    to: Annotated[
        int | None, typer.Option(help="The version that is to be the newest; the one before the newest if not given.")
    ] = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
    model: ModelOption = None,
) -> None:
    """Have servers take an earlier version, or a later one again; files are renamed, none is deleted."""
    from tfx_pipeline.commands.versions import pushed_folder, roll_back

    roll_back(pushed_folder(config_of(config, set_).root, model), to, Console())


@app.command()
def label(
    given: Annotated[
        list[str], typer.Argument(metavar="LABEL=VERSION ...", help="Such as stable=3 canary=4; canary= removes one.")
    ],
    base_path: Annotated[
        str | None, typer.Option(help="How servers call the folder of versions, such as /models/align.")
    ] = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
    model: ModelOption = None,
) -> None:
    """Give versions names that clients may ask for, in a model config file of TensorFlow Serving."""
    from tfx_pipeline.commands.versions import label as write_labels
    from tfx_pipeline.commands.versions import pushed_folder

    write_labels(pushed_folder(config_of(config, set_).root, model), given, base_path, Console())
