"""PairExampleGen on Flink by the image's worker pool, its driver in the image too: it writes what one process writes.

Run by `make test-image`. The pool takes no second TaskManager: two would give their workers the same names.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket

import pytest

from image_containers import IMAGE, engine, missing_image, run_in_image, started, wait_until

pytestmark = pytest.mark.image

POOL_PORT = 50000
SHARDS = 4
KEPT = 962  # of a thousand pairs; the two splits of a shard are a file each
POOL = (
    *("python", "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={POOL_PORT}"),
    "--container_executable=/opt/align-tfx/bin/beam-boot",
)
DRIVER = """
import dataclasses, json, pathlib, sys
from components.files.example_files import read_payloads
from components.pair_example_gen.component import PairExampleGen
from components.pair_example_gen.config import IngestConfig
from tfx_pipeline.settings.beam_config import BeamConfig

root, options = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
settings = dataclasses.asdict(IngestConfig(shards=str(root / "shards")))


def records(name, config):
    made = {}
    for key, parameter in PairExampleGen.SPEC_CLASS.OUTPUTS.items():
        made[key] = [parameter.type()]
        made[key][0].uri = str(root / name / key)
        (root / name / key).mkdir(parents=True)
    executor = PairExampleGen.EXECUTOR_SPEC.executor_class
    given = {"ingest": json.dumps(settings), "fingerprint": ""}
    executor(executor.Context(beam_pipeline_args=config.pipeline_args())).Do({}, made, given)
    folder = root / name / "examples"
    return {str(path.relative_to(folder)): list(read_payloads(str(path))) for path in sorted(folder.rglob("*.gz"))}


direct = records("direct", BeamConfig())
flink = records("flink", BeamConfig(runner="flink", options=options))
print(json.dumps({"same": direct == flink, "files": len(flink), "records": sum(map(len, flink.values()))}))
"""


@pytest.fixture
def image():
    """The image's name."""
    if missing_image():
        pytest.skip(missing_image())
    return IMAGE


@pytest.fixture
def single(image, cluster, bring_up):
    """The cluster without its second TaskManager, which comes back afterwards where the cluster stays."""
    os.kill(cluster.process("taskmanager-2"), signal.SIGTERM)
    wait_until(lambda: cluster.ask("overview")["taskmanagers"] == 1, lambda: "the TaskManager did not go")
    yield cluster
    bring_up()


def test_ingest_on_the_images_worker_pool_writes_what_one_process_writes(single, shards, tmp_path):
    (tmp_path / "shards").mkdir()
    for shard in sorted(shards.iterdir())[:SHARDS]:
        shutil.copy(shard, tmp_path / "shards")
    tmp_path.chmod(0o777)
    options = {
        "flink_master": single.master,
        "job_endpoint": single.job_endpoint,
        "environment_type": "EXTERNAL",
        "environment_config": f"localhost:{POOL_PORT}",
        "sdk_container_image": IMAGE,  # so that TFX does not pack itself up
        "environment_cache_millis": 60_000,
        "parallelism": 1,
    }
    shared = ("--network", "host", "--volume", f"{tmp_path}:{tmp_path}")
    with started(*POOL, options=shared) as pool:
        wait_until(pool_listens, lambda: engine("logs", pool).stderr)
        answer = run_in_image("python", "-", str(tmp_path), json.dumps(options), options=shared, script=DRIVER)
    assert json.loads(answer.splitlines()[-1]) == {"same": True, "files": 2 * SHARDS, "records": KEPT}


def pool_listens() -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", POOL_PORT)) == 0
