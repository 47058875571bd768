"""Those subcommands of `align` that take a model by its folder, whatever pipeline made it, or none did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tfx_pipeline.options import path_argument, path_option

app = typer.Typer()


@app.command(name="import-hf")
def import_hf(
    directory: Annotated[Path, path_argument(help="Folder of a Hugging Face AlignModel, as kakaobrain/align-base.")],
    to: Annotated[Path, path_option(help="New folder: checkpoint/ to train on from, servable/ to serve.")],
) -> None:
    """Make our checkpoint and a servable model of Hugging Face's ALIGN; embeddings stay the same to 1e-4."""
    from tfx_pipeline.commands.hugging_face import bring_in

    bring_in(directory, to, Console())


@app.command(name="export-hf")
def export_hf(
    folder: Annotated[Path, path_argument(help="A run's checkpoint, or what import-hf wrote.")],
    to: Annotated[Path, path_option(help="New folder, which transformers' AlignModel and AlignProcessor load.")],
) -> None:
    """Make a Hugging Face AlignModel of a checkpoint; weights stay the same bit for bit."""
    from tfx_pipeline.commands.hugging_face import take_out

    take_out(folder, to, Console())
