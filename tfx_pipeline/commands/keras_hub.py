"""The body of `align import-keras-hub`: calls the code of `models`, says what was written or refused."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import ConfigError, as_config_error


def bring_in(preset: str, to: Path, console: Console) -> None:
    """Turn a CLIP or SigLIP of KerasHub into a servable model in the new folder `to`.

    Raises:
      ConfigError: where KerasHub is not installed, or the model is refused, in the words of models/keras_hub/.
    """
    try:
        with quiet_imports():
            from models.keras_hub.importing import SERVABLE_FOLDER, import_keras_hub
    except ModuleNotFoundError as error:
        if error.name != "keras_hub":
            raise
        raise ConfigError(
            "align import-keras-hub needs keras-hub, which is not installed; install this project with its extra, "
            "as pip install -e '.[keras-hub]' does in the checkout"
        ) from None
    with as_config_error((OSError, ValueError)):
        import_keras_hub(preset, to)
    for line in (
        f"Wrote {to}",
        f"  {to / SERVABLE_FOLDER}  to serve: a base path of TensorFlow Serving, and of align serve --model",
    ):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
