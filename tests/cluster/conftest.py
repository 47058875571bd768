"""The container engine of this machine, the image of `make image`, and compiled pipelines executed in containers."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_containers import IMAGE

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
CONTAINER = CHECKOUT / "scripts" / "container"
KFP_PYTHON = CHECKOUT / ".cluster-venv" / "bin" / "python"
ALIGN = [sys.executable, "-m", "tfx_pipeline.cli"]
DEMO_SHARDS = CHECKOUT / "demo" / "shards"
LABEL = "align-tfx.test-cluster"  # what run_locally.py calls its containers
USER = "65532:65532"


@dataclass(frozen=True)
class Engine:
    """Docker or podman, as scripts/container finds it.

    Attributes:
      environment: of each process that reaches it.
      image: the image's name, as the engine lists it.
    """

    environment: dict[str, str]
    image: str

    def __call__(self, *arguments: str) -> str:
        """Returns what a command of the engine printed."""
        done = subprocess.run(
            [CONTAINER, *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def containers(self) -> list[str]:
        """Returns the ids of these tests' containers, in no order."""
        return self("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}").split()

    def inspect(self, container: str) -> dict[str, Any]:
        (found,) = json.loads(self("inspect", container))
        return found

    def in_image(self, folder: Path, *arguments: str) -> list[str]:
        """Returns the command line that runs the image as strictly as run_locally.py does."""
        strict = ["--user", USER, "--read-only", "--tmpfs", "/tmp:rw,exec", "--cap-drop", "ALL", "--network", "host"]
        mounted = ["--label", LABEL, "--volume", f"{folder}:{folder}"]
        return [str(CONTAINER), "run", "--rm", *strict, *mounted, self.image, *arguments]


@pytest.fixture(scope="session")
def engine(tmp_path_factory) -> Iterator[Engine]:
    """The engine of `make image`; a podman speaks Docker's protocol meanwhile."""
    version = subprocess.run([CONTAINER, "--version"], capture_output=True, text=True, check=True).stdout
    with contextlib.ExitStack() as stack:
        if version.startswith("podman"):
            socket = stack.enter_context(podman_service(tmp_path_factory.mktemp("podman")))
            engine = Engine({**os.environ, "DOCKER_HOST": socket}, f"localhost/{IMAGE}")
        else:
            engine = Engine(dict(os.environ), IMAGE)
        yield engine
        for container in engine.containers():
            engine("rm", "--force", container)


@contextlib.contextmanager
def podman_service(folder: Path) -> Iterator[str]:
    """Yields the address where podman speaks Docker's protocol."""
    address = f"unix://{folder}/socket"
    with (folder / "service.log").open("w") as log:
        service = subprocess.Popen([CONTAINER, "system", "service", "--time=0", address], stdout=log, stderr=log)
    try:
        while not (folder / "socket").exists():
            assert service.poll() is None, (folder / "service.log").read_text()
            time.sleep(0.1)
        yield address
    finally:
        service.terminate()
        service.wait()


class Cluster:
    """One root that all runs share, as a cluster's bucket or volume is.

    Attributes:
      root: what a config calls its output, and a cluster `--root`: runs, and serving_models/align/<version>/.
      shards: a part of the demo's pairs.
      logs: what each task printed, as kfp shows it.
    """

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.engine = engine
        self.folder = folder
        self.root = folder / "output" / "align-demo"
        self.shards = folder / "shards"
        self.root.mkdir(parents=True)
        for split, count in (("train", 3), ("seen", 1), ("unseen", 1)):
            (self.shards / split).mkdir(parents=True)
            for shard in sorted((DEMO_SHARDS / split).glob("*.tar.gz"))[:count]:
                shutil.copy(shard, self.shards / split)
        for path in (folder, *folder.parents[:2], *folder.rglob("*")):  # the containers' user is nobody here
            path.chmod(0o777 if path.is_dir() else 0o644)

    def config(self, name: str, settings: str, output: Path) -> Path:
        """Write a config: the demo, cut short."""
        path = self.folder / f"{name}.yaml"
        path.write_text(f"preset: demo\noutput: {output}\ningest:\n  shards: {self.shards}\n{settings}", "utf-8")
        path.chmod(0o644)
        return path

    def compile(self, name: str, settings: str) -> Path:
        """Returns the compiled pipeline."""
        config = self.config(name, settings, self.root.parent)
        folder = self.folder / name
        where = ["--image", self.engine.image, "--root", str(self.root), "--folder", str(folder)]
        done = subprocess.run(
            [*ALIGN, "compile", "--config", str(config), "--platform", "kubeflow", *where],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return folder / "align-demo.kubeflow.yaml"

    def start(self, name: str, settings: str) -> Started:
        """Compile a pipeline and hand it to kfp's local runner."""
        spec = self.compile(name, settings)
        before = set(self.engine.containers())
        log = self.folder / f"{name}.log"
        with log.open("w") as opened:
            process = subprocess.Popen(
                [KFP_PYTHON, HERE / "run_locally.py", spec, self.root, self.shards],
                env=self.engine.environment,
                stdout=opened,
                stderr=subprocess.STDOUT,
            )
        return Started(self, process, log, before, task_folders(spec))

    def pushed(self) -> list[Path]:
        """Returns what servers see in the push folder, the oldest version first."""
        return sorted((self.root / "serving_models" / "align").glob("[0-9]*"))


class Started:
    """A pipeline that kfp's local runner is executing."""

    def __init__(
        self, cluster: Cluster, process: subprocess.Popen, log: Path, before: set[str], tasks: dict[str, str]
    ) -> None:
        self._cluster, self._process, self._log, self._before, self._tasks = cluster, process, log, before, tasks

    def wait(self) -> int:
        """Returns the runner's exit status, 0 where every task succeeded."""
        return self._process.wait(timeout=1800)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def outputs(self) -> dict[str, Path]:
        """Returns task -> the folder of its outputs, <output>/ for each."""
        run = max(self._cluster.root.glob("align-demo-*"))
        return {self._tasks[folder.name]: folder for folder in run.iterdir()}

    def containers(self) -> dict[str, str]:
        """Returns task -> container, of the tasks that were started, in their order."""
        engine = self._cluster.engine
        new = [engine.inspect(container) for container in set(engine.containers()) - self._before]
        new.sort(key=lambda container: container["Created"])
        return {self._tasks[output_folder(container)]: container["Id"] for container in new}

    def running(self, task: str) -> str | None:
        """Returns the task's container while it runs."""
        container = self.containers().get(task)
        if container and self._cluster.engine.inspect(container)["State"]["Running"]:
            return container
        assert self._process.poll() is None, self.log()[-4000:]
        return None


def task_folders(spec: Path) -> dict[str, str]:
    """Returns the name of the folder that kfp's local runner gives to a task's outputs -> the task."""
    pipeline = next(yaml.safe_load_all(spec.read_text("utf-8")))
    components = {name: task["componentRef"]["name"] for name, task in pipeline["root"]["dag"]["tasks"].items()}
    return {component[len("comp-") :]: task for task, component in components.items()}


def output_folder(container: dict[str, Any]) -> str:
    """Returns the name of the folder that receives the outputs of a container's task."""
    command = container["Config"]["Cmd"]
    given = json.loads(command[command.index("--executor-input") + 1])
    return Path(given["outputs"]["outputFile"]).parent.name


@pytest.fixture(scope="session")
def cluster(tmp_path_factory, engine) -> Cluster:
    return Cluster(tmp_path_factory.mktemp("cluster"), engine)
