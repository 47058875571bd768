"""Run inside the image: imports all that a container of the pipeline may, and prints as JSON what failed and how.

That is every module of ours, with them the executors of our components and the server; TFX's components and theirs;
Beam's runners and worker; the file systems behind gs://, s3:// and hdfs://.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys

import tensorflow_model_analysis

NOT_IN_CONTAINERS = {  # they import models, compile and submit, by extras that a checkout has
    "models.keras_hub.importing",
    "models.keras_hub.presets",
    "tfx_pipeline.kubeflow_runner",
    "tfx_pipeline.cluster.submitting.kubeflow_client",
    "tfx_pipeline.cluster.submitting.vertex_client",
}
OTHERS = (
    "apache_beam.io.aws.clients.s3.boto3_client",
    "apache_beam.io.gcp.gcsfilesystem",
    "apache_beam.io.gcp.gcsio",
    "apache_beam.io.hadoopfilesystem",
    "apache_beam.runners.dataflow.dataflow_runner",
    "apache_beam.runners.dataflow.internal.apiclient",
    "apache_beam.runners.direct.direct_runner",
    "apache_beam.runners.portability.flink_runner",
    "apache_beam.runners.portability.portable_runner",
    "apache_beam.runners.worker.sdk_worker_main",
    "apache_beam.runners.worker.worker_pool_main",
    "google.cloud.storage",
    "onnxruntime",
    "tensorflow_text",
    "tfx.components",
    "tfx.orchestration.local.local_dag_runner",
)


def main() -> None:
    """Print {module: error} of what does not import."""
    failed: dict[str, str] = {}
    names = [*OTHERS]
    for package in ("components", "models", "serving", "tfx_pipeline"):
        found = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
        names += [module.name for module in found if module.name not in NOT_IN_CONTAINERS]
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    if not hasattr(tensorflow_model_analysis, "__version__"):  # the last thing that it imports
        failed["tensorflow_model_analysis"] = "it said on standard error what it lacks, and went on without"
    json.dump({"failed": failed, "imported": len(names)}, sys.stdout)


if __name__ == "__main__":
    main()
