"""Which model `training.base_model` names: a model folder, or the newest blessed one of a pipeline's local runs."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from components.artifact_files import MODEL_FILE, MODEL_FOLDER
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.runs.folders import METADATA_FILE
from tfx_pipeline.settings.config import Config, ConfigError
from tfx_pipeline.wording import counted

if TYPE_CHECKING:
    from ml_metadata import MetadataStore
    from ml_metadata.proto.metadata_store_pb2 import Artifact, Event


@dataclass(frozen=True)
class BlessedModel:
    """A model that its Evaluator let pass.

    Attributes:
      folder: its model folder, which may be gone.
      blessed: when, in local time.
    """

    folder: Path
    blessed: datetime


def resolve_base_model(config: Config, console: Console) -> Config:
    """Make `training.base_model` the real path of a model folder; an address such as gs://bucket/folder stays.

    Args:
      config: whose base model may also be the folder `<output>/<name>` of local runs, its own included: that is the
        model of the newest run there whose Evaluator blessed it, be it by taking all from the cache.
      console: where to say which model that is.

    Returns:
      The config to run; the path in it is part of the Trainer's cache key.

    Raises:
      ConfigError: where there is no such model.
    """
    named = config.training.base_model
    if named is None:
        return config
    if "://" in named:
        _check_address(named)
        return config
    folder = _local(named)
    if not _is_model_folder(folder):
        found = _blessed_in(folder, named)
        line = f"base model: {found.folder} (blessed {found.blessed:%Y-%m-%d %H:%M:%S} in {folder})"
        console.print(line, soft_wrap=True, highlight=False, markup=False)
        folder = found.folder
    return _with_base_model(config, folder)


def base_model_for_cluster(config: Config) -> Config:
    """Make `training.base_model` an absolute path, for workers that start elsewhere and look up no local run.

    What this machine cannot see is left to the workers: an address, and a path that may be mounted there alone.

    Raises:
      ConfigError: where this machine sees something there that is no model folder; of results it names the model.
    """
    named = config.training.base_model
    if named is None or "://" in named:
        return config
    folder = _local(named)
    if folder.exists() and not _is_model_folder(folder):
        found = _blessed_in(folder, named)
        raise ConfigError(
            f"training.base_model is {named!r}, which holds runs of this machine, where a cluster's workers look "
            f"nothing up; copy its blessed model, {found.folder}, to where they read, and set training.base_model to "
            "that folder"
        )
    return _with_base_model(config, folder)


def newest_blessed_model(store: MetadataStore) -> BlessedModel | None:
    """Returns the model that the newest of all blessing executions judged, cached ones among them; None without one.

    Args:
      store: ML Metadata, filled by the pipeline's Trainer ("model" and "model_run"), Exporter (from "model_run" to
        "model") and Evaluator ("blessing").
    """
    blessings = {found.id: found for found in _live(store, "ModelBlessing") if _property(found, "blessed") == 1}
    given = _outputs(store.get_events_by_artifact_ids(list(blessings)))
    if not given:
        return None
    blessing = max(given, key=lambda event: event.execution_id)
    (model,) = (
        event.artifact_id
        for event in store.get_events_by_execution_ids([blessing.execution_id])
        if event.type == event.INPUT and _key(event) == "model"
    )
    made = _outputs(store.get_events_by_artifact_ids([model]))[0].execution_id  # others took it from the cache
    (model_run,) = (
        event.artifact_id for event in store.get_events_by_execution_ids([made]) if _key(event) == "model_run"
    )
    (artifact,) = store.get_artifacts_by_id([model_run])
    milliseconds = blessings[blessing.artifact_id].create_time_since_epoch
    return BlessedModel(Path(artifact.uri) / MODEL_FOLDER, datetime.fromtimestamp(milliseconds / 1000))


def _blessed_in(folder: Path, named: str) -> BlessedModel:
    """Returns the newest blessed model of a folder of results; raises ConfigError where it is none or has none."""
    if not _holds_runs(folder):
        raise ConfigError(_neither(folder, named))
    with _metadata(folder, named) as store:
        found = newest_blessed_model(store)
        if found is None:
            raise ConfigError(f"training.base_model is {named!r}, which has no blessed model: {_why_none(store)}")
    if not _is_model_folder(found.folder):
        raise ConfigError(
            f"training.base_model is {named!r}, but its newest blessed model is gone: {found.folder} has no "
            f"{MODEL_FILE}; put that folder back, or set training.base_model to another model folder"
        )
    return found


@contextmanager
def _metadata(folder: Path, named: str) -> Iterator[MetadataStore]:
    """Yields the store of a folder of results, opened for reading alone; what goes wrong with it is a ConfigError."""
    with quiet_imports():
        from ml_metadata import MetadataStore, errors
        from ml_metadata.proto import metadata_store_pb2

    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(folder / METADATA_FILE)
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    try:
        yield MetadataStore(connection)
    except (RuntimeError, errors.StatusError) as error:
        cause = str(error).partition(" query:  ")[0]  # after which comes SQL
        raise ConfigError(
            f"training.base_model is {named!r}, whose {METADATA_FILE} cannot be read ({cause}); name a model folder"
        ) from error


def _neither(folder: Path, named: str) -> str:
    """Returns why a folder is no base model at all, and which one beside it or in it may have been meant."""
    near = [*folder.glob("*"), Path(f"{folder}.old")]  # .old: a writer was stopped as it replaced it
    meant = sorted(str(path) for path in near if _is_model_folder(path) or _holds_runs(path))
    wrong = "does not exist"
    if folder.exists():
        wrong = (
            f"is neither a model folder (it has no {MODEL_FILE}) nor OUTPUT/NAME of runs (it has no {METADATA_FILE})"
        )
    remedy = f"did you mean {' or '.join(meant)}?" if meant else "name a model folder, or OUTPUT/NAME of runs"
    return f"training.base_model is {named!r}, which {wrong}; {remedy}"


def _why_none(store: MetadataStore) -> str:
    models = {found.id for found in _live(store, "Model")}
    if not models:
        return "no run there has trained a model yet; finish one by `align run`"
    refused = models & {_property(found, "current_model_id") for found in _live(store, "ModelBlessing")}
    parts = {"missed a threshold": len(refused), "never judged": len(models - refused)}
    why = " and ".join(f"{number} {what}" for what, number in parts.items() if number)
    return (
        f"its {counted(len(models), 'model')} {'was' if len(models) == 1 else 'were'} not blessed ({why}), on which "
        f"`align report` says more; to train on from one all the same, name the folder {MODEL_FOLDER!r} in its "
        "Trainer's model_run"
    )


def _check_address(named: str) -> None:
    """Raise ConfigError where there is no model folder at an address."""
    with quiet_imports():
        import tensorflow as tf

    try:
        there = tf.io.gfile.exists(posixpath.join(named, MODEL_FILE))
    except tf.errors.OpError as error:
        raise ConfigError(
            f"training.base_model is {named!r}, which cannot be read ({error.message}); name a folder that can be"
        ) from error
    if not there:
        raise ConfigError(
            f"training.base_model is {named!r}, which is no model folder (it has no {MODEL_FILE}); name one, as only "
            "on this machine are runs looked up for their blessed model"
        )


def _live(store: MetadataStore, type_name: str) -> list[Artifact]:
    """Returns the artifacts of a type, without those of executions that failed."""
    return [found for found in store.get_artifacts_by_type(type_name) if found.state == found.LIVE]


def _property(artifact: Artifact, name: str) -> int:
    return artifact.custom_properties[name].int_value  # 0 where it has none of the name


def _outputs(events: Iterable[Event]) -> list[Event]:
    """Returns the events by which executions put artifacts out, in the order of the executions."""
    return sorted((event for event in events if event.type == event.OUTPUT), key=lambda event: event.execution_id)


def _key(event: Event) -> str:
    return event.path.steps[0].key


def _local(named: str) -> Path:
    return Path(named).expanduser().resolve()


def _is_model_folder(folder: Path) -> bool:
    return (folder / MODEL_FILE).is_file()


def _holds_runs(folder: Path) -> bool:
    return (folder / METADATA_FILE).is_file()


def _with_base_model(config: Config, folder: Path) -> Config:
    return dataclasses.replace(config, training=dataclasses.replace(config.training, base_model=str(folder)))
