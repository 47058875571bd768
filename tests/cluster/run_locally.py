"""Executes a compiled pipeline in containers: kfp's own local runner, in the environment of `make test-cluster`.

    .cluster-venv/bin/python tests/cluster/run_locally.py mine.kubeflow.yaml ROOT [READ_ONLY_FOLDER ...]

ROOT receives every artifact and is mounted under its own path, as is each folder behind it. DOCKER_HOST names the
engine. Each container has the rights that the strictest pod has: not root, no capability, a root file system that it
cannot write, and a /tmp of its own.
"""

from __future__ import annotations

import sys

from docker.models.containers import ContainerCollection
from docker.types import Mount
from kfp import components, local

LABEL = "align-tfx.test-cluster"

run_container = ContainerCollection.run


def run_and_keep(*arguments, auto_remove: bool, **settings):
    """Leave a container that has ended until its exit status was read.

    kfp asks the engine to remove each at its end, and where it is gone already takes the task for a success.
    """
    del auto_remove
    return run_container(*arguments, **settings)


def main(spec: str, root: str, *folders: str) -> None:
    ContainerCollection.run = run_and_keep
    local.init(
        local.DockerRunner(
            labels={LABEL: ""},
            mounts=[Mount(folder, folder, type="bind", read_only=True) for folder in folders],
            network_mode="host",
            user="65532:65532",
            read_only=True,
            tmpfs={"/tmp": "rw,exec"},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        ),
        pipeline_root=root,
    )
    components.load_component_from_file(spec)()


if __name__ == "__main__":
    main(*sys.argv[1:])
