"""The index that `align query` searches: the one that stands for its model, or one that is built for it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from rich.console import Console

from tfx_pipeline.quick import without_keras
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.runs.corpus import newest_examples
from tfx_pipeline.runs.folders import INDEXES, PUSHED_MODELS
from tfx_pipeline.settings.beam_config import BeamConfig
from tfx_pipeline.settings.config import ConfigError, as_config_error


def index_for(root: Path, model: str | None, console: Console) -> Path:
    """Returns the folder of the index to search, which is built of the newest run's images where there is none.

    An index of a run's images, and nothing else, is built anew when these have changed. One that was added to, or
    deleted from, is left as it is and said to be behind.

    Args:
      root: the pipeline's folder, `<output>/<name>`.
      model: as `serving.encoders.opening` reads it; None for the newest pushed one.
      console: where to print.

    Raises:
      ConfigError: when there is no model, or nothing to index.
    """
    with quiet_imports(), without_keras():
        from serving.encoders.encoder import EncodeError
        from serving.encoders.opening import open_encoder
        from tfx_pipeline.commands.search.index import Indexing, build_index_of_run, folder_of_model
        from tfx_pipeline.indexing.folder import MADE, Made, is_index, stamp_of
    indexing = Indexing(root, model, beam_args=BeamConfig().pipeline_args())
    if model is None:
        folder = folder_of_model(root, None)
    else:
        with as_config_error((EncodeError, ValueError)):
            encoder = open_encoder(model)
            if not encoder.is_lasting:
                console.print(
                    f"{encoder.name} has no fingerprint, so the index is not kept.", style="dim", markup=False
                )
                return build_index_of_run(Indexing(root, model, _until_the_end(), indexing.beam_args), console)
            folder = folder_of_model(root, encoder.fingerprint)
    if not (is_index(folder) and (folder / MADE).is_file()):
        return build_index_of_run(indexing, console)
    made = Made.read(folder)
    examples = [origin for origin in made.sources if origin.kind == "examples"]
    try:
        newest = newest_examples(root).resolve()
    except ConfigError:  # the runs were deleted, and the index kept
        return folder
    if not examples or any((origin.at, origin.stamp) == (str(newest), stamp_of(newest)) for origin in examples):
        return folder
    if len(made.sources) == 1 and not made.deleted:
        console.print("The run's images have changed since their index was made.", style="dim")
        return build_index_of_run(indexing, console)
    console.print(
        f"{folder} was made of an earlier run's images; `align index build` makes it anew, without what was added and "
        "with what was deleted.",
        style="yellow",
        soft_wrap=True,
        markup=False,
    )
    return folder


def standing_index(root: Path) -> Path | None:
    """Returns the folder where the newest pushed version's index is, or will be; None without a pushed version."""
    from serving.versions import complete_versions

    versions = complete_versions(root / PUSHED_MODELS)
    return root / INDEXES / str(max(versions)) if versions else None


def _made_by(folder: Path, model: str) -> bool:
    """Says whether a model without a fingerprint embeds the pictures of an index as the index has them."""
    from tfx_pipeline.commands.search.search import open_searched

    try:
        open_searched(folder, model)
    except ValueError:
        return False
    return True


def _until_the_end() -> Path:
    """Returns a new folder that is deleted when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="align-query-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
