"""Stands in for clusters: what Kubeflow's driver and launcher, and Vertex AI, make of artifacts between containers.

Written after kubeflow/pipelines of 2026-08, backend/src/v2 (component/launcher_v2.go, driver/driver.go,
metadata/converter.go, objectstore/object_store.go); of Vertex AI after what TFX's own entry point takes.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tfx_pipeline.cluster.container.carrier import LAUNCHERS_VARIABLE

ENVIRONMENT = {LAUNCHERS_VARIABLE: "align-pod-1"}
FORMS = ("kubeflow", "vertex")
_IDS = itertools.count(1)


def published(form: str, key: str, kind: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an artifact as the next container hears of it.

    Args:
      form: "kubeflow" or "vertex".
      key: of the output that it was.
      kind: "module.Class" of it.
      said: what executor_output.json says of it.
    """
    metadata = {name: as_double(value) for name, value in said["metadata"].items()}
    if form == "vertex":
        title = f"title: tfx.{kind.rpartition('.')[2]}\ntype: object\n"
        name = f"projects/1/locations/r/metadataStores/default/artifacts/{next(_IDS)}"
        return {"name": name, "uri": said["uri"], "type": {"instanceSchema": title}, "metadata": metadata}
    metadata = {name: through_ml_metadata(value) for name, value in metadata.items()}
    metadata |= {"display_name": key, "store_session_info": json.dumps({"Provider": "minio"})}
    return {"name": str(next(_IDS)), "uri": said["uri"], "type": {"instanceSchema": ""}, "metadata": metadata}


def as_double(value: Any) -> Any:
    """Returns a JSON value as google.protobuf.Struct has it: each number as a double."""
    if isinstance(value, dict):
        return {key: as_double(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [as_double(inside) for inside in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def through_ml_metadata(value: Any) -> Any:
    """Returns a metadata value as StructValueToMLMDValue and toRuntimeArtifact leave it."""
    if value is None:
        raise ValueError("Kubeflow's launcher takes no null")
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, list | dict):
        return {"list" if isinstance(value, list) else "struct": value}
    return value


def executor_input(
    form: str,
    outputs: Iterable[str],
    output_parameters: Iterable[str],
    inputs: Mapping[str, Mapping[str, Any]],
    parameters: Mapping[str, Any],
    task_root: str,
    output_file: str,
) -> str:
    """Returns the ExecutorInput that a container gets in the place of "{{$}}".

    Args:
      form: "kubeflow" or "vertex".
      outputs: keys of the artifacts to make.
      output_parameters: keys of the values to hand on; their files stand beside the output file.
      inputs: key -> what `published` returned.
      parameters: name -> constant.
      task_root: address of the task's folder.
      output_file: where to say what was made.
    """
    title = {"kubeflow": "system.Artifact", "vertex": "tfx.Artifact"}[form]
    made = {key: {"name": key, "uri": f"{task_root}/{key}"} for key in outputs}
    if form == "kubeflow":
        made["executor-logs"] = {"name": "executor-logs", "uri": f"{task_root}/executor-logs-0"}
    asked = {
        "inputs": {
            "artifacts": {key: {"artifacts": [dict(said)]} for key, said in inputs.items()},
            "parameterValues": {name: as_double(value) for name, value in parameters.items()},
        },
        "outputs": {
            "artifacts": {key: {"artifacts": [{**said, "type": {"schemaTitle": title}}]} for key, said in made.items()},
            "parameters": {key: {"outputFile": f"{output_file}.{key}"} for key in output_parameters},
            "outputFile": output_file,
        },
    }
    return json.dumps(asked)


class Launcher:
    """Kubeflow's launcher with a folder in the place of the object store: each container has a disk of its own.

    Attributes:
      store: folder that stands for minio://.
    """

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store"
        self._disks = (folder / f"container-{number}" for number in itertools.count())

    def download(self, inputs: Mapping[str, Mapping[str, Any]]) -> Path:
        """Returns the disk of a new container, with its inputs below minio/: files alone, no empty folder."""
        disk = next(self._disks)
        disk.mkdir(parents=True)
        for said in inputs.values():
            self._copy(self.store, disk / "minio", said["uri"])
        return disk

    def upload(self, disk: Path, address: str) -> None:
        """Copy an output to the store."""
        self._copy(disk / "minio", self.store, address)

    @staticmethod
    def _copy(source: Path, target: Path, address: str) -> None:
        place = address.removeprefix("minio://")
        files = [source / place] if (source / place).is_file() else (source / place).rglob("*")
        for file in files:
            if file.is_file():
                to = target / file.relative_to(source)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, to)
