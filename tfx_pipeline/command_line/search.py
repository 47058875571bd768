"""Those subcommands of `align` that search images: `align query` on the command line, `align search` in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tfx_pipeline.command_line.options import ConfigOption, SetOption, as_typed, config_of, path_option

app = typer.Typer()


@app.command()
def query(
    text: Annotated[str | None, typer.Argument(help="What to look for, such as 'sad cat'.")] = None,
    image: Annotated[Path | None, path_option(help="An image to start from.")] = None,
    minus_text: Annotated[str | None, typer.Option(help="What the results should not be.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many images to show.")] = 12,
    split: Annotated[
        list[str] | None,
        typer.Option("--split", help="Search this split alone. May be given again; all splits if not given."),
    ] = None,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Show near duplicates of an image too.")] = False,
    out: Annotated[Path, path_option(help="The page to write, its pictures inside.")] = Path("query.html"),
    model: Annotated[str | None, typer.Option(help="Folder, HOST:PORT or MODULE:OBJECT; else the index's.")] = None,
    index: Annotated[
        Path | None, path_option(help="Folder of an index; the newest, or the newest run's images, if not given.")
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="Address of `align search`; the one that runs for the index if not given.")
    ] = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
) -> None:
    """Search images by text, by image, or by image plus or minus text; `align search` makes it answer at once."""
    from tfx_pipeline.commands.search.query import answer
    from tfx_pipeline.settings.config import at_home

    answer(
        config_of(config, set_).root,
        text=text and as_typed(text),
        image=image,
        minus_text=minus_text and as_typed(minus_text),
        k=k,
        splits=split or None,
        duplicates=duplicates,
        out=out,
        model=model and at_home(model, "--model"),
        index=index,
        server=server,
    )


@app.command()
def search(
    index: Annotated[
        list[str] | None,
        typer.Option("--index", help="Folder of an index; the newest if not given. Again for another model's."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="What encodes queries, such as HOST:PORT of `align serve`; else the index's.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines ask.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="HTTP port; 0 takes a free one.")] = 8600,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page where there is a display.")] = True,
    rate: Annotated[float | None, typer.Option(help="Most requests a second of one address.")] = None,
    max_body_mb: Annotated[int, typer.Option(help="Largest request, in MiB.")] = 32,
    max_calls: Annotated[int, typer.Option(help="Searches in work at once.")] = 16,
    access_log: Annotated[
        str | None, typer.Option(metavar="FILE", help="A line of JSON for each request; - is standard error.")
    ] = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
) -> None:
    """Search images in a browser: model, index, API and page in one process, until Ctrl-C."""
    from tfx_pipeline.commands.search.search import Searching, search_until_stopped
    from tfx_pipeline.settings.config import at_home

    search_until_stopped(
        Searching(
            config_of(config, set_).root,
            indexes=tuple(Path(at_home(folder, "--index")) for folder in index or []),
            model=model and at_home(model, "--model"),
            host=host,
            port=port,
            opens=open_,
            rate=rate,
            max_body_mb=max_body_mb,
            max_calls=max_calls,
            access_log=access_log and at_home(access_log, "--access-log"),
        )
    )
