"""Compiles the pipeline for Kubeflow Pipelines 2 and for Vertex AI; runs nothing and needs no network."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

from components.artifact_files import CHECKPOINTS_FOLDER
from components.trainer.executor import OF_A_RUN
from tfx_pipeline.cluster.compiling.parameters import PREFIX, parameter_values, with_defaults, without_exponents
from tfx_pipeline.cluster.compiling.platform_spec import platform_spec
from tfx_pipeline.cluster.compiling.platforms import Platform, state_folder
from tfx_pipeline.cluster.compiling.resources import with_cluster_settings
from tfx_pipeline.cluster.compiling.tasks import start_our_entry_point
from tfx_pipeline.files import write_file
from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.runs.folders import ARTIFACTS, PUSHED_MODELS
from tfx_pipeline.settings.config import Config

# Vertex AI takes a job as JSON, open-source Kubeflow a pipeline as YAML; {name}.yaml may be a config.
SPEC_FILES = {"vertex": "{name}.json", "kubeflow": "{name}.kubeflow.yaml"}


def compile_pipeline(config: Config, *, platform: Platform, image: str, root: str, folder: Path) -> Path:
    """Write the pipeline's intermediate representation: containers alone, which every runner of it can start.

    Args:
      config: as for a local run; what `ingest.shards` names is read by the cluster, and not looked at here.
      platform: where it will run.
      image: container image that holds this project and its dependencies.
      root: folder or bucket for artifacts and pushed models, read and written by the cluster.
      folder: local folder for the file.

    Returns:
      Path of the written file.

    Raises:
      ConfigError: where the file cannot be written.
      ValueError: naming the field, for what the platform cannot do.
    """
    root = root.rstrip("/")
    state = state_folder(root, config.cluster.state, f"root is {root!r}")
    pipeline = create_pipeline(
        config,
        artifact_root=f"{root}/{ARTIFACTS}",
        push_to=f"{state}/{PUSHED_MODELS}",
        checkpoints=f"{state}/{ARTIFACTS}/{CHECKPOINTS_FOLDER}",
        training_of_the_run={name: RuntimeParameter(f"{PREFIX}{name}", ptype=kind) for name, kind in OF_A_RUN.items()},
    )
    runner = KubeflowV2DagRunner(config=KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True))
    job = runner.run(pipeline, write_out=False)
    start_our_entry_point(job["pipelineSpec"], pipeline)
    spec = with_defaults(job["pipelineSpec"], parameter_values(config.training))
    spec = with_cluster_settings(spec, config.cluster, platform)
    if platform == "vertex":
        text = without_exponents(json.dumps({**job, "pipelineSpec": spec}, indent=1, sort_keys=True))
    else:
        of_kubernetes = platform_spec(spec, config.cluster)
        documents = [spec | _default_root(f"{root}/{ARTIFACTS}"), *([of_kubernetes] if of_kubernetes else [])]
        text = yaml.safe_dump_all(documents)
    path = folder / SPEC_FILES[platform].format(name=config.name)
    write_file(path, text.encode(), f"--folder is {str(folder)!r}, where {path.name}")
    return path


def _default_root(artifacts: str) -> dict[str, str]:
    """Kubeflow knows buckets alone; a folder is mounted, and is named where a run is started."""
    return {"defaultPipelineRoot": artifacts} if "://" in artifacts else {}
