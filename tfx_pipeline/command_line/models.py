"""Those subcommands of `align` that take a model by its folder, whatever pipeline made it, or none did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from tfx_pipeline.command_line.options import (
    ConfigOption,
    SetOption,
    as_typed,
    config_of,
    overrides_of,
    path_argument,
    path_option,
)
from tfx_pipeline.command_line.tls_options import TlsCa, TlsCert, TlsKey, tls_of
from tfx_pipeline.settings.config import ConfigError, at_home

app = typer.Typer()


@app.command(name="eval")
def eval_(
    model: Annotated[
        str,
        typer.Option(
            help="A model's folder, HOST:PORT of a server, package.module:object, or LAST, the newest that was pushed."
        ),
    ] = "LAST",
    suite: Annotated[
        str | None, typer.Option(help="Which data sets: demo, paper, or a YAML file; demo if not given.")
    ] = None,
    data: Annotated[Path, path_option(help="Folder that holds a folder for each data set.")] = Path("data"),
    out: Annotated[Path, path_option(help="Folder for the results.")] = Path("judged"),
    config: ConfigOption = "demo",
    set_: SetOption = None,
    embeddings: Annotated[
        Path | None, path_option(help="Where embeddings are kept; the user's cache if not given.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="What the model divides cosines by, where it does not say so itself.")
    ] = None,
    ties: Annotated[
        Literal["expected", "index"],
        typer.Option(help="Of equals: all orders, or the first of the gallery first, as other harnesses rank."),
    ] = "expected",
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A B", help="Judge nothing; compare two folders of results."),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Judge nothing; name every data set.")] = False,
) -> None:
    """Judge any dual encoder by the paper's tables, the demo or data sets of your own."""
    from tfx_pipeline.commands.evaluate import LAST, compare_models, judge_model, list_sets
    from tfx_pipeline.runs.pushed_model import pushed_model

    console = Console()
    if list_:
        list_sets(suite, data, console)
    elif compare is not None:
        first, second = (Path(at_home(folder, "--compare")) for folder in compare)
        compare_models(first, second, data=data, out=out, console=console)
    else:
        named = str(pushed_model(config_of(config, set_).root)[1]) if model == LAST else at_home(model, "--model")
        judge_model(
            named,
            suite or "demo",
            data=data,
            out=out,
            embeddings=embeddings,
            temperature=temperature,
            ties=ties,
            console=console,
        )


@app.command(name="import-hf")
def import_hf(
    directory: Annotated[Path, path_argument(help="Folder of a Hugging Face AlignModel, as kakaobrain/align-base.")],
    to: Annotated[Path, path_option(help="New folder: checkpoint/ to train on from, servable/ to serve.")],
) -> None:
    """Make our checkpoint and a servable model of Hugging Face's ALIGN; embeddings stay the same to 1e-4."""
    from tfx_pipeline.commands.hugging_face import bring_in

    bring_in(directory, to, Console())


@app.command(name="import-keras-hub")
def import_keras_hub(
    preset: Annotated[
        str, typer.Argument(metavar="PRESET_OR_DIR", help="A preset's folder, or a name that KerasHub asks a hub for.")
    ],
    to: Annotated[Path, path_option(help="New folder: servable/ to serve, judge and search with.")],
) -> None:
    """Make a servable model of a CLIP or SigLIP of KerasHub; embeddings stay the same to 1e-5."""
    from tfx_pipeline.commands.keras_hub import bring_in

    bring_in(at_home(preset, "PRESET_OR_DIR"), to, Console())


@app.command(name="export-hf")
def export_hf(
    folder: Annotated[Path, path_argument(help="A run's checkpoint, or what import-hf wrote.")],
    to: Annotated[Path, path_option(help="New folder, which transformers' AlignModel and AlignProcessor load.")],
) -> None:
    """Make a Hugging Face AlignModel of a checkpoint; weights stay the same bit for bit."""
    from tfx_pipeline.commands.hugging_face import take_out

    take_out(folder, to, Console())


@app.command()
def export(
    folder: Annotated[Path, path_argument(help="A run's checkpoint, or what import-hf wrote.")],
    to: Annotated[Path, path_option(help="New folder: a base path to serve, with the version 1 in it.")],
    tower: Annotated[str, typer.Option(help="image or text for that one alone, or both.")] = "both",
    precision: Annotated[
        str,
        typer.Option(help="Of the image tower: float32, bfloat16, or auto: bfloat16 where this CPU has units for it."),
    ] = "float32",
) -> None:
    """Make a servable model of a checkpoint, or of one tower alone: who searches by texts needs no image weights."""
    from tfx_pipeline.commands.export import write_served

    write_served(folder, to, tower, precision, Console())


@app.command()
def transfer(
    model: Annotated[Path, path_option(help="A model folder: a run's, or the checkpoint of import-hf.")],
    recipe: Annotated[str, typer.Option(help="imagenet-frozen, imagenet-fine-tuned, fine-grained or vtab.")],
    out: Annotated[Path, path_option(help="Folder for results; the same one goes on after a kill.")],
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", help="Data set to learn, as align eval --list names it. May be given again."),
    ] = None,
    suite: Annotated[
        str | None, typer.Option(help="Learn those sets of a suite that have training images: paper, or a YAML file.")
    ] = None,
    data: Annotated[Path, path_option(help="The folder that holds a folder for each data set.")] = Path("data"),
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override one field of the recipe, such as steps=200. May be given again."),
    ] = None,
) -> None:
    """Fine-tune the image tower on labelled images by one of the paper's recipes, and judge what it learnt."""
    from tfx_pipeline.commands.transfer import Request, teach

    teach(Request(model, recipe, overrides_of(set_), tuple(dataset or ()), suite, data, out), Console())


@app.command()
def embed(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES|-",
            help="Images, folders, globs, .txt of captions, .parquet; - reads names from standard input.",
        ),
    ],
    out: Annotated[Path, path_option(help="The .parquet or .npy file to write.")],
    model: Annotated[str | None, typer.Option(help="Folder, HOST:PORT or MODULE:OBJECT; else the pushed one.")] = None,
    column: Annotated[str | None, typer.Option(help="Parquet: the column of texts or image bytes.")] = None,
    id_column: Annotated[str | None, typer.Option(help="Parquet: the column that names rows.")] = None,
    config: ConfigOption = "demo",
    set_: SetOption = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Embed images and texts into a file of vectors, by a server or a model in this process."""
    from tfx_pipeline.commands.embed import embed as write_vectors
    from tfx_pipeline.embedding.sources import Columns
    from tfx_pipeline.runs.pushed_model import pushed_model

    named = str(pushed_model(config_of(config, set_).root)[1]) if model is None else at_home(model, "--model")
    words, tls = [as_typed(word) for word in files], tls_of(tls_ca, tls_cert, tls_key)
    write_vectors(words, model=named, out=out, columns=Columns(column, id_column), tls=tls)


@app.command()
def smoke(
    address: Annotated[
        str | None, typer.Argument(metavar="HOST:PORT", help="gRPC port of align serve or of TensorFlow Serving.")
    ] = None,
    rest_port: Annotated[int | None, typer.Option(help="Its HTTP port; its checks are left out if not given.")] = None,
    model: Annotated[str, typer.Option(help="The model's name there.")] = "align",
    conformance: Annotated[bool, typer.Option("--conformance", help="Check every behaviour.")] = False,
    half_plus_two: Annotated[
        str | None, typer.Option(metavar="NAME", help="The small model's name there, where it is served.")
    ] = None,
    write_model: Annotated[
        Path | None, path_option(help="Check nothing; write the small model here, for the server to serve.")
    ] = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Check that a server answers as TensorFlow Serving does; exits 1 where it does not."""
    from tfx_pipeline.commands import smoke as command

    if write_model is not None:
        command.write_model(write_model)
    elif address is None:
        raise ConfigError("align smoke needs the HOST:PORT of a gRPC port, such as 127.0.0.1:8500")
    elif not command.smoke(
        address,
        rest_port=rest_port,
        model=model,
        half_plus_two=half_plus_two,
        conformance=conformance,
        tls=tls_of(tls_ca, tls_cert, tls_key),
    ):
        raise typer.Exit(1)
