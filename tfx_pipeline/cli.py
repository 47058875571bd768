"""The `align` command. Each subcommand imports what it needs when it is called, so that --help answers at once."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tfx_pipeline.command_line import index, models, search, serving, versions
from tfx_pipeline.command_line.options import ConfigOption, SetOption, config_of, overrides_of, path_option
from tfx_pipeline.settings.config import ConfigError, at_home, load, unusable

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Images and alt-texts in; a trained, judged, served and searchable image-text dual encoder out.",
)


@app.command()
def run(
    config: ConfigOption = "demo",
    set_: SetOption = None,
    beam: Annotated[
        str | None, typer.Option(help="Where the Beam jobs run: direct (this machine), flink, portable or dataflow.")
    ] = None,
    flink_master: Annotated[
        str | None, typer.Option(help="HOST:PORT of the Flink cluster, as make flink prints it.")
    ] = None,
    rerun: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COMPONENT",
            help="Run this component, and so what depends on it, even where nothing changed. May be given again.",
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the report in a browser at the end.")] = False,
) -> None:
    """Run the pipeline on this machine and end on a report; what is unchanged comes from the cache."""
    from tfx_pipeline.commands.run import run as run_pipeline
    from tfx_pipeline.runs.run_record import REPORT_FILE
    from tfx_pipeline.settings.engine import choose_engine

    record = run_pipeline(choose_engine(config_of(config, set_), beam, flink_master), Console(), rerun or [])
    report_page = record.run_dir / REPORT_FILE
    if open_ and report_page.is_file() and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        typer.launch(str(report_page))  # without a display its path, which was printed, must do
    if record.why_failed is not None:
        raise typer.Exit(1)


@app.command(name="filter")
def filter_(
    config: ConfigOption = "demo",
    set_: SetOption = None,
    sample: Annotated[
        int | None,
        typer.Option(help="Read about so many records, such as 10000; else all, with room for two copies in $TMPDIR."),
    ] = None,
) -> None:
    """Print what each rule of the filter would drop, and leave nothing behind."""
    from tfx_pipeline.commands.dry_run import dry_run

    dry_run(config_of(config, set_), sample, Console())


@app.command()
def compile(
    image: Annotated[str, typer.Option(help="Container image that holds this project.")],
    platform: Annotated[str, typer.Option(help="vertex or kubeflow.")] = "vertex",
    root: Annotated[
        str | None,
        typer.Option(help="Bucket or folder for artifacts and models, seen by the cluster; OUTPUT/NAME if not given."),
    ] = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
    folder: Annotated[Path, path_option(help="Where to write the compiled pipeline.")] = Path("."),
) -> None:
    """Write the pipeline for Kubeflow Pipelines or Vertex AI; runs nothing."""
    from tfx_pipeline.commands.compile import compile_for_cluster
    from tfx_pipeline.runs.base_model import base_model_for_cluster

    checked = base_model_for_cluster(config_of(config, set_))
    told = Console(stderr=True, highlight=False)
    root = root and at_home(root, "--root")
    typer.echo(compile_for_cluster(checked, platform=platform, image=image, root=root, folder=folder, console=told))


@app.command()
def submit(
    platform: Annotated[str, typer.Option(help="vertex or kubeflow.")],
    image: Annotated[str, typer.Option(help="Container image that holds this project.")] = "",
    host: Annotated[str | None, typer.Option(help="Kubeflow: address of its Pipelines API.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Kubeflow: your profile, where it has several.")] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="ALIGN_KUBEFLOW_TOKEN", help="Kubeflow: bearer token, where it asks for one."),
    ] = None,
    project: Annotated[str | None, typer.Option(help="Vertex AI: id of the project.")] = None,
    region: Annotated[str | None, typer.Option(help="Vertex AI: such as europe-west4.")] = None,
    root: Annotated[
        str | None,
        typer.Option(help="Bucket or folder for artifacts and models, seen by the cluster; OUTPUT/NAME if not given."),
    ] = None,
    experiment: Annotated[str | None, typer.Option(help="Groups runs.")] = None,
    run_name: Annotated[str | None, typer.Option(help="NAME and the time if not given.")] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every task anew.")] = False,
    follow: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Start nothing; follow the run of this id."),
    ] = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
) -> None:
    """Compile the pipeline, run it on Kubeflow Pipelines or Vertex AI, and follow it to its end."""
    from tfx_pipeline.commands.submit import Place, Sending, follow_again
    from tfx_pipeline.commands.submit import submit as send
    from tfx_pipeline.runs.base_model import base_model_for_cluster

    place = Place(platform, host=host, namespace=namespace, token=token, project=project, region=region)
    if follow is not None:
        record = follow_again(follow, place, Console())
    else:
        root = root and at_home(root, "--root")
        sending = Sending(image, root, experiment=experiment, run_name=run_name, cached=not no_cache)
        record = send(base_model_for_cluster(config_of(config, set_)), place, sending, Console())
    if record.why_failed is not None:
        raise typer.Exit(1)


@app.command()
def report(
    config: ConfigOption = "demo",
    set_: SetOption = None,
    run_: Annotated[Path | None, path_option("--run", help="A run's folder; the newest if not given.")] = None,
) -> None:
    """Write report.html again, from any run."""
    from tfx_pipeline.report.rebuild import rebuild
    from tfx_pipeline.runs.run_record import latest_run_dir

    typer.echo(rebuild(run_ or latest_run_dir(config_of(config, set_).root)))


@app.command()
def ablate(
    sweep: Annotated[str, typer.Option(help="A sweep that align presets lists, or the path of a YAML file like them.")],
    config: ConfigOption = "demo",
    set_: SetOption = None,
    row: Annotated[
        list[str] | None, typer.Option("--row", help="Run this row alone. May be given again; all rows if not given.")
    ] = None,
) -> None:
    """Train and judge a model for each row of a sweep, and tabulate them; finished rows are not run again."""
    from tfx_pipeline.ablation.ablate import ablate as run_sweep
    from tfx_pipeline.runs.base_model import resolve_base_model
    from tfx_pipeline.settings.yaml_text import write_yaml_line

    config, overrides, console = at_home(config, "--config"), overrides_of(set_), Console()
    base_model = resolve_base_model(load(config, overrides), console).training.base_model
    if base_model is not None:  # one for all rows, whatever the first ones get blessed
        overrides["training.base_model"] = write_yaml_line(base_model)
    if run_sweep(config, overrides, at_home(sweep, "--sweep"), row or [], console).failed:
        raise typer.Exit(1)


@app.command()
def presets() -> None:
    """List the presets and the sweeps' rows that --config takes by name, with their towers and parameters."""
    from tfx_pipeline.settings.preset_list import show

    show(Console())


app.add_typer(index.app)
app.add_typer(models.app)
app.add_typer(search.app)
app.add_typer(serving.app)
app.add_typer(versions.app)


_NOT_USABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM)


def main() -> None:
    """Run the command; a user's mistake ends in one sentence and exit status 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # None where it was closed
            stream.reconfigure(errors="replace")  # of a terminal that writes ASCII or Latin-1
    try:
        app()
    except OSError as error:
        if error.errno not in _NOT_USABLE:
            raise
        if error.filename is None:
            raise SystemExit(f"align: the output cannot be written ({error.strerror}); make room there") from None
        raise SystemExit(f"align: {unusable(error)}") from None
    except ConfigError as error:
        Console(stderr=True, highlight=False).print(f"align: {error}", style="bold red", markup=False, soft_wrap=True)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
