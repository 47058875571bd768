"""The body of `align export`: calls the code of `models`, says what was written or refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import ConfigError, as_config_error

if TYPE_CHECKING:
    from models.saving.halves import Tower

BOTH = "both"
PRECISIONS = ("float32", "bfloat16", "auto")


def write_served(folder: Path, to: Path, tower: str, precision: str, console: Console) -> None:
    """Turn a model folder into a servable model in the new folder `to`.

    Raises:
      ConfigError: where a word is none of those known, or the folder is refused.
    """
    towers: dict[str, Tower | None] = {"image": "image", "text": "text", BOTH: None}
    if tower not in towers:
        raise ConfigError(f"--tower is {tower!r}; it must be one of {', '.join(towers)}")
    if precision not in PRECISIONS:
        raise ConfigError(f"--precision is {precision!r}; it must be one of {', '.join(PRECISIONS)}")
    with quiet_imports():
        from models.saving.halves import export_folder, precision_named

    chosen = precision_named(precision)
    with as_config_error((OSError, ValueError)):
        export_folder(folder, to, towers[tower], chosen)
    for line in (
        f"Wrote {to}, its images in {chosen}",
        f"  to serve: a base path of TensorFlow Serving, and of align serve --model {to}",
    ):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
