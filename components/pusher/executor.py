"""The stock Pusher's work, so that a version appears whole or not at all, also where the Pusher is killed half-way.

Beside the model lies its card: components/pusher/card/.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from absl import logging
from tfx.components.pusher import executor
from tfx.proto import pusher_pb2
from tfx.types import Artifact, artifact_utils, standard_component_specs
from tfx.utils import proto_utils

from components.pusher.card.gathering import make_card, write_card
from serving.taking_back import taken_back_versions
from serving.versions import is_same_model, numbered_folders

ASIDE = ".aside-"  # how the folder begins in which a version is being copied; TensorFlow Serving takes numbers alone
DAY_S = 24 * 60 * 60
PUSHED_MODEL = standard_component_specs.PUSHED_MODEL_KEY
PUSH_DESTINATION = standard_component_specs.PUSH_DESTINATION_KEY
STATED = "stated"
DESTINATION = "pushed_destination"  # custom property of a PushedModel


class Executor(executor.Executor):
    """Copies a blessed model aside, then renames its folder to `<push folder>/<version>/`.

    At an address such as gs://bucket/folder a folder's name is part of each file's, and a rename would copy them again.
    There TFX's own order does: a file appears whole by itself, and the last is saved_model.pb, without which a version
    counts for nothing; the card comes behind it. A model that was a version and was taken back (serving/taking_back.py)
    is not pushed again.
    """

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Push the model where it is blessed, with its card, and say so of the output `pushed_model`."""
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[PUSH_DESTINATION], destination)
        folder = destination.filesystem.base_directory
        if not self.CheckBlessing(input_dict):
            super().Do(input_dict, output_dict, exec_properties)
            return
        stated = json.loads(exec_properties.get(STATED) or "{}")
        artifacts = {
            name: {"id": artifact.id, "type": artifact.type_name, "uri": artifact.uri}
            for name, (artifact,) in input_dict.items()
        }
        pushed = artifact_utils.get_single_instance(output_dict[PUSHED_MODEL])
        if "://" in folder:
            card = make_card(stated, artifacts, self.GetModelPath(input_dict))
            super().Do(input_dict, output_dict, exec_properties)
            write_card(card, pushed.get_string_custom_property(DESTINATION))
        else:
            before = _taken_back(Path(self.GetModelPath(input_dict)), Path(folder))
            if before is not None:
                logging.warning(
                    "The model is version %d, which was taken back: `align rollback --to %d`", before, before
                )
                self._MarkNotPushed(pushed)
                return
            with _aside(Path(folder)) as aside:
                destination.filesystem.base_directory = str(aside)
                copied_aside = {**exec_properties, PUSH_DESTINATION: proto_utils.proto_to_json(destination)}
                super().Do(input_dict, output_dict, copied_aside)
                (version,) = aside.iterdir()
                card = make_card(stated, artifacts, str(version))
                write_card(card, str(version))
                published = _publish(version, Path(folder))
            self._MarkPushed(pushed, pushed_destination=str(published), pushed_version=published.name)
        write_card(card, pushed.uri)


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """Yield a new folder in `folder`, and delete it at the end with those that killed Pushers have left."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{ASIDE}*"):
        with suppress(FileNotFoundError):  # another Pusher was faster
            if time.time() - left.stat().st_mtime > DAY_S:  # a younger one may be that of a Pusher at work
                shutil.rmtree(left)
    aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=folder))
    try:
        yield aside
    finally:
        shutil.rmtree(aside)


def _taken_back(model: Path, folder: Path) -> int | None:
    """Returns the version that a model was before it was taken back; None for any other.

    A run that changes nothing but what it is compared with would otherwise push it again.
    """
    hidden = taken_back_versions(folder).items()
    return next((version for version, before in hidden if is_same_model(model, before)), None)


def _publish(version: Path, folder: Path) -> Path:
    """Rename a whole version into `folder`; returns its place there, above all before it, whatever the clock says."""
    before = [*numbered_folders(folder), *taken_back_versions(folder)]
    number = max([int(version.name), *(1 + each for each in before)])
    while True:
        published = folder / str(number)
        try:
            os.rename(version, published)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            number += 1  # another Pusher's, meanwhile
        else:
            return published
