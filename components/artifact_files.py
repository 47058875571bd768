"""What the files and folders inside of the artifacts are called; artifacts.py draws how they stand in each other."""

INGEST_REPORT_FILE = "ingest_report.json"
FILTER_REPORT_FILE = "filter_report.json"
RECORD_COUNTS_FILE = "record_counts.json"
VOCABULARY_FILE = "vocab.txt"
VOCABULARY_REPORT_FILE = "vocabulary_report.json"

# In the Trainer's model_run.
HISTORY_FILE = "history.jsonl"
MODEL_FOLDER = "model"
MODEL_FILE = "model.json"  # by which a model folder is known
TRAINING_FILE = "training.json"  # {"training": fields of TrainingConfig, "software": {name: version}}

CHECKPOINTS_FOLDER = "checkpoints"  # beside the folders of the components, where no runner names another place

# In the Evaluator's evaluation, beside what TFMA stores: {"metrics": {split: {metric: value}}, "baseline": the same},
# null for what is no number
NUMBERS_FILE = "numbers.json"

# In a pushed version, beside the SavedModel.
MODEL_CARD_PAGE, MODEL_CARD_FILE = "model_card.md", "model_card.json"

# In the ServingValidator's blessing: {"blessed": bool, "reasons": [sentence, ...], "precision": text,
# "least_cosine_to_float32": {signature: x}, "load_s": x, "peak_memory_bytes": n,
# "largest_difference": {protocol: {signature: x}}, "latency_ms": {protocol: {signature: {"p50": x, "p99": y}}}}
SERVING_VALIDATION_FILE = "serving_validation.json"

# The stock components'; a test holds them equal.
ANOMALIES_FILE = "SchemaDiff.pb"  # ExampleValidator's
BLESSED_FILE = "BLESSED"  # the Evaluator's
INFRA_BLESSED_FILE, INFRA_NOT_BLESSED_FILE = "INFRA_BLESSED", "INFRA_NOT_BLESSED"  # the InfraValidator's

_SPLIT = "Split-"


def split_folder(split: str) -> str:
    """Returns the name of a split's folder, in Examples as TFX has it and in tables that stand beside them."""
    return f"{_SPLIT}{split}"


def split_of(folder: str) -> str:
    """Returns the split whose folder has the name."""
    return folder.removeprefix(_SPLIT)
