"""The bodies of `align import-hf` and `align export-hf`: call the code of `models`, say what was written or refused."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import as_config_error


def bring_in(directory: Path, to: Path, console: Console) -> None:
    """Turn an AlignModel's folder into a checkpoint and a servable model in the new folder `to`.

    Raises:
      ConfigError: where it is refused, in the words of models/hugging_face/importing.py.
    """
    with quiet_imports():
        from models.hugging_face.importing import CHECKPOINT_FOLDER, SERVABLE_FOLDER, import_hf
        from models.hugging_face.processor import differences

    with as_config_error((OSError, ValueError)):
        import_hf(directory, to)
        notes = differences(directory)
    for line in notes:
        _say(console, f"Note: {line}")
    checkpoint = to / CHECKPOINT_FOLDER
    _say(console, f"Wrote {to}")
    _say(console, f"  {checkpoint}  to train on from: --set training.base_model={checkpoint}")
    _say(console, f"  {to / SERVABLE_FOLDER}    to serve: a base path of TensorFlow Serving")


def take_out(folder: Path, to: Path, console: Console) -> None:
    """Turn a checkpoint into an AlignModel's folder, the new folder `to`.

    Raises:
      ConfigError: where it is refused, in the words of models/hugging_face/export.py.
    """
    with quiet_imports():
        from models.hugging_face.export import export_hf

    with as_config_error((OSError, ValueError)):
        export_hf(folder, to)
    _say(console, f"Wrote {to}")
    _say(console, f"  python -c \"from transformers import AlignModel; AlignModel.from_pretrained('{to}')\"")


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, highlight=False, markup=False)
