"""Lists what --config takes by name: presets with their towers and parameters, and the rows of sweeps."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from models.config import ModelConfig
from models.parameter_counts import count_parameters
from models.sizes import BERTS, EFFICIENTNETS
from tfx_pipeline.settings.config import PRESETS, load, preset_names
from tfx_pipeline.settings.sweeps import read_sweep, sweep_names


def show(console: Console) -> None:
    """Print the presets, then the sweeps."""
    console.print(preset_table())
    console.print(
        "Parameters are in millions, of a vocabulary as large as the preset asks for. * a fraction of that tower.\n",
        soft_wrap=True,
        highlight=False,
    )
    for name in preset_names():
        console.print(Text.assemble((f"{name}  ", "bold"), description(name)), soft_wrap=True)
    console.print(
        "\nSweeps: a row is --config SWEEP/ROW; align ablate --sweep SWEEP runs all rows over a config.",
        highlight=False,
    )
    for name in sweep_names():
        sweep = read_sweep(name)
        console.print(
            Text.assemble((f"{name}  ", "bold"), f"{sweep.about}: {', '.join(sweep.rows)}"),
            soft_wrap=True,
            highlight=False,
        )


def preset_table() -> Table:
    """Returns a row for each preset: towers, dimensions of the shared space, parameters."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("preset", no_wrap=True)
    for name in ("image", "text", "pieces", "dim", "image M", "text M", "all M"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in preset_names():
        config = load(name)
        counts = count_parameters(config.model, config.vocabulary.size)
        table.add_row(
            escape(name),
            *towers(config.model),
            f"{config.vocabulary.size:,}",
            str(config.model.embedding),
            *(millions(number) for number in (counts.image, counts.text, counts.total)),
        )
    return table


def towers(model: ModelConfig) -> tuple[str, str]:
    """Returns the names of both towers' sizes, with a star where a number takes the place of the size's own."""
    image = "" if model.image_size == EFFICIENTNETS[model.image] else "*"
    text = "" if model.text_size == BERTS[model.text] else "*"
    return f"{model.image}{image}", f"{model.text}{text}"


def millions(number: int) -> str:
    """Returns a number of parameters in millions, with enough digits for small models."""
    return f"{number / 1e6:.1f}" if number >= 1e6 else f"{number / 1e6:.2f}"


def description(name: str) -> str:
    """Returns the first sentence of a preset's file, which says what it is."""
    first = (PRESETS / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    sentence, stop, _ = first.removeprefix("#").strip().partition(". ")
    return sentence + stop.strip()
