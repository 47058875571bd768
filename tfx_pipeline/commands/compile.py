"""The body of `align compile`: refuses what no cluster could run, warns of what only this machine can read, writes."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from rich.console import Console

from tfx_pipeline.cluster.compiling.platforms import (
    KUBEFLOW_ROOTS,
    as_platform,
    check_name,
    check_platform,
    check_root,
    state_folder,
)
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import Config, ConfigError, as_config_error
from tfx_pipeline.settings.results_folder import check_results_folder

FOLDERS = ("shards", "image_folder")  # what PairExampleGen's workers read


def compile_for_cluster(
    config: Config, *, platform: str, image: str, root: str | None, folder: Path, console: Console
) -> Path:
    """Write the pipeline for Vertex AI or Kubeflow.

    Args:
      config: what to compile.
      platform: "vertex" or "kubeflow".
      image: container image that holds this project and its dependencies.
      root: folder or bucket for artifacts and pushed models; None takes `<output>/<name>`, as local runs do.
      folder: local folder for the file.
      console: where to print a warning.

    Returns:
      Path of the written file.

    Raises:
      ConfigError: for what can be refused before anything is sent to a cluster.
    """
    if not image:
        raise ConfigError("--image is empty; name the container image that holds this project")
    if not config.ingest.shards:
        raise ConfigError(f"ingest.shards is empty; set it to the address of your {config.ingest.files}")
    if importlib.util.find_spec("kfp") is None:
        raise ConfigError(
            "align compile needs kfp, which is not installed; install this project with its extra, "
            "as pip install -e '.[kfp]' does in the checkout"
        )
    said = f"output is {config.output!r}" if root is None else f"--root is {root!r}"
    root = _address(root or f"{config.output.rstrip('/')}/{config.name}")
    with as_config_error():
        known = as_platform(platform)
        check_name(config.name, known)
        check_platform(config.cluster, known)
        check_root(root, known, said)
        state_folder(root, config.cluster.state, said)
    with quiet_imports():  # Beam takes seconds to import and TFX longer still; --help must not
        from components.beam.options import check_beam_options
        from components.validation.schema_file import check_schema
        from tfx_pipeline.kubeflow_runner import compile_pipeline

    with as_config_error():
        check_beam_options(config.beam.options, config.beam.runner)
        schema = config.validation.schema
        if schema and ("://" in schema or Path(schema).exists()):  # another may be on the cluster's machines alone
            check_schema(schema)
    check_results_folder(root, said)
    path = compile_pipeline(config, platform=known, image=image, root=root, folder=folder)
    sources = (config.ingest, *config.evaluation_sets.values())
    places = {f"{source.section}.{name}": getattr(source, name) for source in sources for name in FOLDERS}
    places |= {"validation.schema": config.validation.schema, "training.base_model": config.training.base_model}
    local = [f"{name} is {place}" for name, place in places.items() if place and "://" not in place]
    warnings = []
    if local:
        warnings.append(
            f"align: {' and '.join(local)}: workers reach that only where it is mounted at the same path; "
            "give an address such as gs://bucket/folder"
        )
    if "://" not in root:
        warnings.append(
            f"align: {said}: a cluster keeps artifacts in {', '.join(KUBEFLOW_ROOTS)} alone; a folder is for kfp.local"
        )
    for warning in warnings:
        console.print(warning, style="yellow", markup=False, soft_wrap=True)
    return path


def _address(place: str) -> str:
    """Returns a bucket's address as it is, a folder's as an absolute path: workers start elsewhere."""
    return place.rstrip("/") if "://" in place else os.path.abspath(place)
