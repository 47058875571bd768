"""Who may import what: the lists that tests/test_house.py holds every file to."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHARED_FOLDERS = ("components/beam", "components/files")
SHARED = frozenset(
    path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
    for folder in ("components", *SHARED_FOLDERS)
    for path in (ROOT / folder).glob("[!_]*.py")
)
SERVER_DOORS = (
    "access_log",
    "batching.settings",
    "bucket",
    "core.limits",
    "core.memory",
    "grpc.server",
    "http_app",
    "http_calls",
    "http_server",
    "monitoring.config_file",
    "ports",
    "server",
    "tls",
)
DOORS_OF_SERVING = frozenset(
    f"serving.{name}"
    for name in (
        "calling.channel",
        "conformance.check",
        "conformance.half_plus_two",
        "conformance.suite",
        "conformance.target",
        "encoders.batched",
        "encoders.encoder",
        "encoders.opening",
        "encoders.probe",
        "encoders.saved_model",
        "pictures",
        "precision",
        *(f"search.api.{name}" for name in ("answered", "app", "asked", "handlers", "rate")),
        "search.filters",
        "search.pictures",
        "search.questions",
        "search.same_model",
        "search.saved_page",
        "search.searcher",
        "search.shards.files",
        "search.shards.schema",
        "search.stores.exact",
        *(f"search.stores.milvus.{name}" for name in ("bulk", "connection", "generations", "milvus_store", "place")),
        "search.stores.opening",
        *(f"search.stores.segments.{name}" for name in ("bulk", "codes", "compaction", "manifest", "product_codes")),
        "search.stores.segments.segment_store",
        "search.stores.store",
        "search.weights",
        *(f"server.{name}" for name in SERVER_DOORS),
        "signatures",
        "taking_back",
        "version_labels",
        "versions",
    )
)
DOORS_OF_MODELS = frozenset(
    f"models.{name}"
    for name in (
        *(f"hugging_face.{name}" for name in ("export", "importing", "processor")),
        *(f"transfer.{name}" for name in ("choice", "pictures", "tasks", "transfer")),
        "keras_hub.importing",
        "saving.halves",
    )
)
# Names, bytes and arithmetic of a served model.
CONTRACTS = frozenset({"serving.normal_form", "serving.precision", "serving.signatures"})
DOORS_OF_COMPONENTS = {  # a component -> what of serving it may import beside the contracts
    "pusher": frozenset({"serving.taking_back", "serving.versions"}),  # the folder that servers read
    # It runs the server that clients are given, in another process; a command line in a string would hide the arrow.
    "serving_validator": frozenset({"serving.server.process"}),
}
FOR_MODELS = frozenset(f"components.{name}" for name in ("artifact_files", "closest_name", "config_fields", "schema"))
PLAIN_MODELS = frozenset(  # diagnosis knows what guessing gets, which the report draws beside the curves
    f"models.{name}" for name in ("config", "parameter_counts", "sizes", "training.diagnosis", "training_config")
)
MAX_LINES = 300

PLUMBING = (
    "components/*artifacts.py",  # types known to ML Metadata, and what TFX says of Examples
    "components/*/component.py",  # a component's interface
    "components/*/driver.py",  # what TFX's cache asks
    "components/*/executor.py",  # artifacts in the place of folders
    "components/*/beam/*",
    "components/*/image_models/*",  # asks models about images, through Beam's RunInference
    "components/*/passes/*",  # a Beam job on plain folders and its stages, which import no TFX
    "components/*/storage/*",  # any file system that Beam reads
    "components/*/served/*",  # messages to a server, and the model that it serves
    "components/*/stored/*",  # what TFX and TFMA stored
    "components/beam/*",
    "components/lookup.py",  # a component that asks the world outside, and its driver
)
RUNNERS = ("tfx_pipeline/*runner*.py", "tfx_pipeline/cluster/submitting/*_client.py")
ANYWHERE_BUT_COMPONENTS = ("tfx_pipeline/*", "models/*", "serving/*")
FRAMEWORKS = {  # a module and all beneath it -> the files that may import it
    "tfx.v1": (),  # brings Google's AI platform along, seconds of each start: its parts have files
    "tfx": ("tfx_pipeline/*", *PLUMBING, "models/trainer.py"),
    "ml_metadata": ("tfx_pipeline/*", *PLUMBING),
    "apache_beam": (*PLUMBING, "tfx_pipeline/indexing/passes/*"),
    "tensorflow": (*ANYWHERE_BUT_COMPONENTS, *PLUMBING),
    "tensorflow_text": (*ANYWHERE_BUT_COMPONENTS, *PLUMBING),
    "keras": (*ANYWHERE_BUT_COMPONENTS, *PLUMBING),
    "keras_hub": ("models/keras_hub/*",),
    "tensorflow_model_analysis": ("tfx_pipeline/*", *PLUMBING),
    "tensorflow_data_validation": ("tfx_pipeline/*", *PLUMBING),
    "tensorflow_transform": PLUMBING,
    "tfx_bsl": PLUMBING,
    "kfp": RUNNERS,
    "kubernetes": RUNNERS,
    "google.cloud": RUNNERS,
    "googleapiclient": RUNNERS,
}
