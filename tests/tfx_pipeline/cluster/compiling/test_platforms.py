"""What a platform would refuse is one sentence that names the field."""

from __future__ import annotations

import pytest

from tfx_pipeline.cluster.compiling.platforms import as_platform, check_name, check_platform, check_root, state_folder
from tfx_pipeline.settings.config import build


def cluster(**sections):
    return build({"cluster": sections}).cluster


@pytest.mark.parametrize(
    ("sections", "platform", "sentence"),
    [
        (
            {"trainer": {"accelerator": "NVIDIA_L4"}},
            "kubeflow",
            "cluster.trainer.accelerator is 'NVIDIA_L4', which Vertex AI has; on Kubeflow give the resource",
        ),
        (
            {"filter": {"accelerator": "nvidia.com/gpu"}},
            "vertex",
            "cluster.filter.accelerator is 'nvidia.com/gpu', a resource of Kubernetes nodes; Vertex AI has NVIDIA_",
        ),
        ({"secrets": {"a": {"folder": "/a"}}}, "vertex", "cluster.secrets is set, which Vertex AI cannot do"),
        ({"volumes": {"a": "/a"}}, "vertex", "cluster.volumes is set, which Vertex AI cannot do"),
        ({"image_pull_secrets": ["a"]}, "vertex", "cluster.image_pull_secrets is set, which Vertex AI cannot do"),
        ({"default": {"node_selector": {"a": "b"}}}, "vertex", "cluster.default.node_selector is set, which Vertex"),
        (
            {"trainer": {"tolerations": [{"operator": "Exists"}]}},
            "vertex",
            "cluster.trainer.tolerations is set, which Vertex AI cannot do; leave it out, or compile for kubeflow",
        ),
    ],
)
def test_what_a_platform_cannot_do_is_refused(sections, platform, sentence):
    with pytest.raises(ValueError, match=r"^cluster\.") as caught:
        check_platform(cluster(**sections), platform)
    assert sentence in str(caught.value)
    check_platform(cluster(**sections), "vertex" if platform == "kubeflow" else "kubeflow")


def test_another_platform_is_refused():
    assert [as_platform(name) for name in ("kubeflow", "vertex")] == ["kubeflow", "vertex"]
    with pytest.raises(ValueError, match="--platform is 'airflow'; it must be one of kubeflow, vertex"):
        as_platform("airflow")


@pytest.mark.parametrize(
    ("platform", "name", "words"),
    [
        ("kubeflow", "a" * 129, "Kubeflow takes 128 characters at most"),
        ("vertex", "a" * 113, "Vertex AI takes 112 characters at most, the first a letter"),
        ("vertex", "1st", "name is '1st'; Vertex AI takes"),
    ],
)
def test_a_name_that_a_platform_refuses(platform, name, words):
    with pytest.raises(ValueError, match=words):
        check_name(name, platform)


@pytest.mark.parametrize(
    ("platform", "name"), [("kubeflow", "1st"), ("kubeflow", "a" * 128), ("vertex", "a" * 112), ("vertex", "a-1-")]
)
def test_a_name_that_a_platform_takes(platform, name):
    check_name(name, platform)


@pytest.mark.parametrize(
    ("platform", "root", "words"),
    [
        ("vertex", "/mnt/runs", "--root is x, and Vertex AI keeps artifacts in gs:// alone; give --root gs://"),
        ("vertex", "s3://bucket", "Vertex AI keeps artifacts in gs:// alone"),
        ("kubeflow", "hdfs://runs", "Kubeflow keeps artifacts in gs://, s3://, minio://; give one of these"),
    ],
)
def test_a_root_where_a_platform_keeps_no_artifacts(platform, root, words):
    with pytest.raises(ValueError, match=words):
        check_root(root, platform, "--root is x")


@pytest.mark.parametrize(
    ("platform", "root"), [("vertex", "gs://a"), ("kubeflow", "s3://a"), ("kubeflow", "minio://a"), ("kubeflow", "/a")]
)
def test_a_root_where_a_platform_keeps_artifacts(platform, root):
    check_root(root, platform, "--root is x")


@pytest.mark.parametrize(
    ("root", "state", "folder"),
    [
        ("gs://bucket/runs", None, "gs://bucket/runs"),
        ("/mnt/runs/", None, "/mnt/runs"),
        ("s3://bucket/runs", "/mnt/state/", "/mnt/state"),
        ("minio://mlpipeline/v2", "gs://bucket/state", "gs://bucket/state"),
    ],
)
def test_checkpoints_and_pushed_models_go_where_tensorflow_writes(root, state, folder):
    assert state_folder(root, state, "--root") == folder


@pytest.mark.parametrize("root", ["s3://bucket/runs", "minio://mlpipeline/runs"])
def test_a_root_that_tensorflow_cannot_write_needs_a_state(root):
    with pytest.raises(ValueError, match=r"--root is x, where TensorFlow can write neither .* set cluster.state to"):
        state_folder(root, None, "--root is x")
