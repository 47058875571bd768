"""What stands below a pipeline's root: <output>/<name> of local runs, or the folder that a cluster is given."""

RUNS = "runs"  # a folder for each local run, named after its time
ARTIFACTS = "artifacts"  # <component>/<output key>/<execution>, as TFX lays them out
PUSHED_MODELS = "serving_models/align"  # <version>/: a base path of TensorFlow Serving
INDEXES = "index"  # a folder for each model whose index was built
METADATA_FILE = "metadata.sqlite"  # ML Metadata of local runs
JUDGED_MODELS = "history.csv"  # what each model scored when it was judged
