"""Which addresses are folders of the container."""

from __future__ import annotations

import pytest

from cluster_tasks import ENVIRONMENT
from tfx_pipeline.cluster.container.carrier import find_carrier
from tfx_pipeline.cluster.container.task import TaskError

DIRECT = ["--runner=DirectRunner", "--direct_num_workers=2"]
DATAFLOW = ["--runner=DataflowRunner", "--project=p"]


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("minio://mlpipeline/v2/artifacts/x", "/minio/mlpipeline/v2/artifacts/x"),
        ("s3://bucket/x y", "/s3/bucket/x y"),
        ("gs://bucket/x", "/gcs/bucket/x"),
        ("/mnt/volume/x", "/mnt/volume/x"),
        ("hdfs://host/x", "hdfs://host/x"),
    ],
)
@pytest.mark.parametrize("beam", [[], DIRECT, ["--runner=PortableRunner", "--environment_type=LOOPBACK"]])
def test_kubeflows_launcher_carries_its_three_kinds_of_bucket(address, path, beam):
    carrier = find_carrier([address], ENVIRONMENT, beam)
    assert carrier.path_of(address) == path
    assert carrier.address_of(path) == address


def test_vertex_leaves_google_storage_to_tensorflow_and_beam():
    carrier = find_carrier(["gs://bucket/x"], {}, DIRECT)
    assert carrier.path_of("gs://bucket/x") == "gs://bucket/x"
    assert carrier.address_of("/gcs/bucket/x") == "/gcs/bucket/x"


def test_workers_elsewhere_go_to_google_storage_themselves():
    assert find_carrier(["gs://b/x"], ENVIRONMENT, DATAFLOW).path_of("gs://b/x") == "gs://b/x"


@pytest.mark.parametrize("address", ["minio://b/x", "s3://b/x"])
@pytest.mark.parametrize("beam", [DATAFLOW, ["--runner", "FlinkRunner", "--flink_master=h:8081"]])
def test_workers_elsewhere_are_refused_where_only_this_container_has_the_artifacts(address, beam):
    with pytest.raises(TaskError, match=r"the workers of beam.runner = (Dataflow|Flink)Runner cannot reach .*://b/x"):
        find_carrier(["gs://b/y", address], ENVIRONMENT, beam)
