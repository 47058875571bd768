"""Compiles the pipeline for Kubeflow Pipelines 2 and for Vertex AI; runs nothing and needs no network."""

from __future__ import annotations

from pathlib import Path

from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.types import BaseChannel, Channel, standard_artifacts

from components.evaluator.stored.baseline import NODE_ID
from tfx_pipeline.pipeline import create_pipeline
from tfx_pipeline.runs.folders import ARTIFACTS, PUSHED_MODELS
from tfx_pipeline.settings.config import Config, ConfigError

# Vertex AI takes the 2.0 pipeline spec as JSON, open-source Kubeflow the 2.1 spec as YAML. {name}.yaml may be a config.
SPEC_FILES = {"vertex": "{name}.json", "kubeflow": "{name}.kubeflow.yaml"}


def compile_pipeline(config: Config, *, platform: str, image: str, root: str, folder: Path) -> Path:
    """Write the pipeline's intermediate representation.

    Args:
      config: as for a local run; what `ingest.shards` names is read by the cluster, and not looked at here.
      platform: "vertex" or "kubeflow".
      image: container image that holds this project and its dependencies.
      root: folder or bucket for artifacts and pushed models, read and written by the cluster.
      folder: local folder for the file.

    Returns:
      Path of the written file.

    Raises:
      ConfigError: for another platform, or where the file cannot be written.
    """
    if platform not in SPEC_FILES:
        raise ConfigError(f"--platform is {platform!r}; it must be one of {', '.join(SPEC_FILES)}")
    root = root.rstrip("/")
    pipeline = create_pipeline(
        config,
        artifact_root=f"{root}/{ARTIFACTS}",
        push_to=f"{root}/{PUSHED_MODELS}",
        resolve_baseline=_latest_blessed_model,
    )
    path = folder / SPEC_FILES[platform].format(name=config.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()  # before the compiler, whose own errors name no field
    except OSError as error:
        raise ConfigError(
            f"--folder is {str(folder)!r}, where {path.name} cannot be written ({error.strerror}); name another folder"
        ) from error
    KubeflowV2DagRunner(
        config=KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=platform == "kubeflow"),
        output_dir=str(path.parent),
        output_filename=path.name,
    ).run(pipeline, write_out=True)
    return path


def _latest_blessed_model(candidate: BaseChannel) -> Resolver:
    """Kubeflow's driver executes stock strategies only, and looks up no candidate."""
    del candidate
    return Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id(NODE_ID)
