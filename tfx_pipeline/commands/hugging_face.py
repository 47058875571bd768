"""The bodies of `align import-hf` and `align export-hf`: call the code of `models`, say what was written or refused."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import ConfigError

# By name, as run_fn is: models is code that runs, not code that a pipeline is described with.
IMPORT_FUNCTION = "models.hugging_face.importing.import_hf"
DIFFERENCES_FUNCTION = "models.hugging_face.processor.differences"
EXPORT_FUNCTION = "models.hugging_face.export.export_hf"


def bring_in(directory: Path, to: Path, console: Console) -> None:
    """Turn an AlignModel's folder into a checkpoint and a servable model in the new folder `to`.

    Raises:
      ConfigError: where it is refused, in the words of models/hugging_face/importing.py.
    """
    _call(IMPORT_FUNCTION, directory, to)
    for line in _call(DIFFERENCES_FUNCTION, directory):
        _say(console, f"Note: {line}")
    _say(console, f"Wrote {to}")
    _say(console, f"  {to / 'checkpoint'}  to train on from: --set training.base_model={to / 'checkpoint'}")
    _say(console, f"  {to / 'servable'}    to serve: a base path of TensorFlow Serving")


def take_out(folder: Path, to: Path, console: Console) -> None:
    """Turn a checkpoint into an AlignModel's folder, the new folder `to`.

    Raises:
      ConfigError: where it is refused, in the words of models/hugging_face/export.py.
    """
    _call(EXPORT_FUNCTION, folder, to)
    _say(console, f"Wrote {to}")
    _say(console, f"  python -c \"from transformers import AlignModel; AlignModel.from_pretrained('{to}')\"")


def _call(name: str, *arguments: Any) -> Any:
    module, _, function = name.rpartition(".")
    with quiet_imports():
        call = getattr(import_module(module), function)
    try:
        return call(*arguments)
    except (OSError, ValueError) as error:
        raise ConfigError(str(error)) from error


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, highlight=False, markup=False)
