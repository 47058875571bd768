"""Where a container finds an artifact: at its address, or in the folder to which Kubeflow's launcher carries it.

| address | on Kubeflow | on Vertex AI |
|---|---|---|
| minio://b/k, s3://b/k | the launcher downloads inputs to /minio/b/k, /s3/b/k and uploads outputs from there | - |
| gs://b/k | the same through /gcs/b/k, unless Beam's workers are elsewhere | TensorFlow and Beam read and write it |
| a folder | a volume that is mounted in each container | - |

TensorFlow's file system has no minio:// and no s3://. On gs:// it leaves an empty object "folder/" for each folder,
which the next container's launcher takes for a file, and fails; so gs:// goes through the launcher too.

An executor sees the folder; what it says of its outputs has the address again.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tfx_pipeline.cluster.container.task import TaskError

CARRIED = {"minio://": "minio", "s3://": "s3"}  # LocalPathForURI of Kubeflow's launcher
CARRIED_ON_KUBEFLOW = {"gs://": "gcs"}  # Vertex AI has the folder /gcs too, through FUSE
LAUNCHERS_VARIABLE = "KFP_POD_NAME"  # Kubeflow sets it in each container, Vertex AI does not
RUNNERS_WITHIN = ("", "DirectRunner", "PrismRunner")  # their workers are in the container


@dataclass(frozen=True)
class Carrier:
    """Which addresses are folders of the container.

    Attributes:
      folders: start of an address -> the folder that stands for it, both with a slash at the end.
    """

    folders: Mapping[str, str]

    def path_of(self, address: str) -> str:
        """Returns the path at which the container finds what lies at an address."""
        for scheme, folder in self.folders.items():
            if address.startswith(scheme):
                return folder + address.removeprefix(scheme)
        return address

    def address_of(self, path: str) -> str:
        """Returns the address of what the container finds at a path."""
        for scheme, folder in self.folders.items():
            if path.startswith(folder):
                return scheme + path.removeprefix(folder)
        return path


def find_carrier(
    addresses: Sequence[str], environment: Mapping[str, str], beam_arguments: Sequence[str], mount: str = "/"
) -> Carrier:
    """Find out what the launcher carries.

    Args:
      addresses: of the task's artifacts.
      environment: the container's.
      beam_arguments: as "--runner=DirectRunner"; none for an executor that runs no Beam.
      mount: folder that holds the launcher's folders.

    Raises:
      TaskError: where Beam's workers are elsewhere and would look for artifacts in folders of their own.
    """
    elsewhere = _workers_elsewhere(beam_arguments)
    carried = dict(CARRIED)
    if LAUNCHERS_VARIABLE in environment and not elsewhere:
        carried |= CARRIED_ON_KUBEFLOW
    for address in addresses if elsewhere else ():
        if address.startswith(tuple(CARRIED)):
            raise TaskError(
                f"the workers of beam.runner = {elsewhere} cannot reach {address}, which Kubeflow's launcher carries "
                "into this container alone; set beam.runner to 'direct', or take a root that the workers reach, such "
                "as gs://bucket/folder"
            )
    return Carrier({scheme: f"{mount.rstrip('/')}/{folder}/" for scheme, folder in carried.items()})


def _workers_elsewhere(beam_arguments: Sequence[str]) -> str:
    """Returns the runner whose workers are outside of the container; "" where they are within."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--runner", default="")
    parser.add_argument("--environment_type", default="")
    beam, _ = parser.parse_known_args(list(beam_arguments))
    return "" if beam.runner in RUNNERS_WITHIN or beam.environment_type == "LOOPBACK" else beam.runner
