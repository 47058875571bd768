"""Those subcommands of `align` that make and keep an index of images: `align index ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tfx_pipeline.command_line.options import ConfigOption, SetOption, as_typed, config_of, path_option
from tfx_pipeline.settings.config import at_home

app = typer.Typer()
index = typer.Typer(no_args_is_help=True, help="Make and keep an index of images, which `align query` searches.")
app.add_typer(index, name="index")

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FILES]...", help="Folders of pictures, or pictures; the newest run's if none."),
]
Ingest = Annotated[bool, typer.Option("--ingest", help="Read the files that the config's `ingest` names.")]
ModelOption = Annotated[str | None, typer.Option(help="Folder, HOST:PORT or MODULE:OBJECT; else the pushed one.")]
Folder = Annotated[Path | None, path_option("--index", help="Folder of the index; the newest one if not given.")]


@index.command()
def build(
    files: Sources = None,
    ingest: Ingest = False,
    model: ModelOption = None,
    folder: Annotated[
        Path | None, path_option("--index", help="Its folder; OUTPUT/NAME/index/VERSION if none.")
    ] = None,
    milvus: Annotated[
        str | None,
        typer.Option(metavar="http://HOST:PORT/NAME", help="Make it in Milvus, in a collection of this name."),
    ] = None,
    milvus_index: Annotated[str | None, typer.Option(help="FLAT, IVF_SQ8, HNSW or DISKANN; FLAT if not given.")] = None,
    bulk: Annotated[Path | None, path_option(help="Folder that Milvus reads too, for a bulk insert.")] = None,
    bulk_as: Annotated[str | None, typer.Option(help="What Milvus calls that folder; its path if not given.")] = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
) -> None:
    """Embed images and make an index of them; what was embedded before is not embedded again."""
    from tfx_pipeline.commands.search.index import build_index
    from tfx_pipeline.indexing.loading import loading_named

    build_index(
        config_of(config, set_),
        files or [],
        ingest=ingest,
        model=model and at_home(model, "--model"),
        folder=folder,
        loading=loading_named(milvus, milvus_index, bulk, bulk_as),
        console=Console(),
    )


@index.command()
def add(
    files: Sources = None,
    ingest: Ingest = False,
    model: Annotated[str | None, typer.Option(help="As of build; the index's own if not given.")] = None,
    folder: Folder = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
) -> None:
    """Add images to an index; one that is there already is replaced."""
    from tfx_pipeline.commands.search.index import add_to_index

    model = model and at_home(model, "--model")
    told = Console()
    add_to_index(config_of(config, set_), files or [], ingest=ingest, model=model, folder=folder, console=told)


@index.command()
def info(
    check: Annotated[bool, typer.Option("--check", help="Read every byte, and hold it to its checksum.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a mapping for programs.")] = False,
    folder: Folder = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
) -> None:
    """Say what an index holds, of which model, in how many segments and bytes."""
    from tfx_pipeline.commands.search.index_info import show_info

    if show_info(config_of(config, set_).root, folder, check=check, as_json=as_json, console=Console()):
        raise typer.Exit(1)


@index.command()
def delete(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[IDS]...", help="Of images; - reads them, a line each.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="'FIELD OP VALUE'", help="Images for which this holds; of several, all."),
    ] = None,
    folder: Folder = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
) -> None:
    """Delete images of an index, by their ids or by a condition such as 'unsafe >= 0.5'."""
    from tfx_pipeline.commands.search.index_changes import delete_images

    root, told = config_of(config, set_).root, Console()
    delete_images(root, folder, [as_typed(name) for name in ids or []], where or [], console=told)


@index.command()
def compact(folder: Folder = None, config: ConfigOption = "demo", set_: SetOption = None) -> None:
    """Merge an index's segments, and give back the room of what was deleted."""
    from tfx_pipeline.commands.search.index_changes import compact_index

    compact_index(config_of(config, set_).root, folder, Console())
