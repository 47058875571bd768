"""The Examples that ask for classes, and a pipeline run for real in which what they ask changes and no model does."""

import pickle
from pathlib import Path

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from ml_metadata import metadata_store
from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata

from components import schema
from components.evaluator.beam.extractors import CLASSES_PER_BATCH, class_batches, custom_extractors, labels_by_split
from components.evaluator.component import eval_config
from components.evaluator.config import EvaluationConfig
from components.evaluator.stored.results import load_metrics
from serving.signatures import IMAGE_EMBEDDING


def example(split: bytes, label: bytes | None) -> bytes:
    made = tf.train.Example()
    made.features.feature[schema.IMAGE_ENCODED].bytes_list.value.append(b"\x89PNG\x00\xff")
    made.features.feature[schema.SPLIT].bytes_list.value.append(split)
    if label is not None:
        made.features.feature[schema.CLASS_LABEL].bytes_list.value.append(label)
    return made.SerializeToString()


def test_the_labels_of_a_batch_are_found_once_each_and_an_image_may_have_none():
    pairs = [(b"a", "кот".encode()), (b"a", "кот".encode()), (b"b", b"dog\0"), (b"b", b""), (b"c", None)]
    batch = {tfma.INPUT_KEY: np.array([example(*pair) for pair in pairs], object)}
    assert labels_by_split(batch) == {("a", "кот"), ("b", "dog\0")}


def features_of(batches: list[dict]) -> list[dict[str, list[bytes]]]:
    examples = [tf.train.Example.FromString(one) for batch in batches for one in batch[tfma.INPUT_KEY]]
    return [{name: list(of.bytes_list.value) for name, of in one.features.feature.items()} for one in examples]


def test_each_class_asks_once_for_every_labelled_split_also_one_that_no_image_is_of():
    labels = {("a", "dog\0"), ("a", "кот"), ("b", "кот")}
    (batch,) = class_batches(labels, ["{}", "no {}"], {"кот": ["cat"], "elk": ["elk", "moose"]})
    assert [(one[schema.CLASS_LABEL], one[schema.CLASS_TEXTS]) for one in features_of([batch])] == [
        ([b"dog\0"], [b"dog\0", b"no dog\0"]),
        ([b"elk"], [b"elk", b"no elk", b"moose", b"no moose"]),
        (["кот".encode()], [b"cat", b"no cat"]),
    ]
    assert batch[tfma.FEATURES_KEY][schema.SPLIT].tolist() == [[b"a", b"b"]] * 3
    assert not any(schema.CAPTION_TEXT in one for one in features_of([batch]))


def test_many_classes_ask_in_batches_and_none_where_no_image_has_a_label():
    labels = {("a", f"class {number}") for number in range(CLASSES_PER_BATCH + 1)}
    batches = list(class_batches(labels, ["{}"], {}))
    assert [len(batch[tfma.INPUT_KEY]) for batch in batches] == [CLASSES_PER_BATCH, 1]
    assert {(("a", one[schema.CLASS_LABEL][0].decode())) for one in features_of(batches)} == labels
    assert list(class_batches(set(), ["{}"], {"elk": ["elk"]})) == []


def test_no_image_is_passed_on_once_the_model_has_seen_it(concept_model, write_concepts, tmp_path):
    write_concepts(tmp_path, {"seen": 4})
    (file,) = (tmp_path / "Split-seen").iterdir()
    examples = list(tf.data.TFRecordDataset(str(file), "GZIP").as_numpy_iterator())
    settings = eval_config(EvaluationConfig(splits=("seen",)))
    model = tfma.default_eval_shared_model(concept_model(0), eval_config=settings)
    extractors = custom_extractors(model, settings, None)
    images = [b"image of concept %d" % concept for concept in range(4)]
    batch = pa.RecordBatch.from_pydict(
        {
            tfma.ARROW_INPUT_COLUMN: [[one] for one in examples],
            schema.IMAGE_ENCODED: [[image] for image in images],
            schema.SPLIT: [[b"seen"]] * 4,
        }
    )
    seen: dict[str, Path] = {}
    with beam.Pipeline() as pipeline:
        extracts = pipeline | beam.Create([{tfma.ARROW_RECORD_BATCH_KEY: batch}])
        for extractor in extractors:
            extracts = extracts | extractor.stage_name >> extractor.ptransform
            seen[extractor.stage_name] = tmp_path / extractor.stage_name
            _ = extracts | f"{extractor.stage_name}.write" >> beam.Map(append_to, seen[extractor.stage_name])
    holding = [name for name, path in seen.items() if images[3] in path.read_bytes()]
    assert holding[0] == "ExtractFeatures"
    assert holding[-1] == "ExtractPredictions"
    behind = list(seen)[list(seen).index("ShedImages") :]
    assert set(behind).isdisjoint(holding)
    assert len(behind) > 2
    assert IMAGE_EMBEDDING.encode() in seen[behind[-1]].read_bytes()


def append_to(extracts: tfma.types.Extracts, path: Path) -> None:
    with path.open("ab") as file:
        file.write(pickle.dumps(extracts))


@pytest.fixture(scope="module")
def judge(run_pipeline, concept_model):
    """Returns a function: (section's fields) -> {node: state}, zero-shot top-1 by split."""

    def run(**fields) -> tuple[dict[str, int], dict[str, float]]:
        config = EvaluationConfig(splits=("seen", "unseen"), **fields)
        root = run_pipeline(concept_model(0), config, {"seen": 8, "unseen": 4})
        connection = metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite"))
        store = metadata_store.MetadataStore(connection)
        states, evaluation = {}, ""
        for node in ("ConceptExamples", "TrainerStandIn", "Evaluator", "Pusher"):
            context = store.get_context_by_type_and_name("node", f"judge.{node}")
            execution = max(store.get_executions_by_context(context.id), key=lambda found: found.id)
            states[node] = execution.last_known_state
            for event in store.get_events_by_execution_ids([execution.id]):
                if event.path.steps[0].key == "evaluation":
                    (artifact,) = store.get_artifacts_by_id([event.artifact_id])
                    evaluation = artifact.uri
        return states, {split: found["zero_shot_top_1"] for split, found in load_metrics(evaluation).items()}

    return run


COMPLETE, CACHED = metadata_store_pb2.Execution.COMPLETE, metadata_store_pb2.Execution.CACHED
JUDGED_ANEW = {"ConceptExamples": CACHED, "TrainerStandIn": CACHED, "Evaluator": COMPLETE, "Pusher": COMPLETE}


def test_prompts_and_names_are_asked_and_a_change_of_them_trains_nothing(judge):
    _, plain = judge(prompts=("{}",))
    assert plain == {"seen": 1.0, "unseen": 1.0}
    # "odd" asks by 1 and 3 alone: in "seen", 5 and 7 resemble neither class, which is a tie.
    assert judge(prompts=("{}",), class_names={"odd": ("concept 1", "concept 3")}) == (
        JUDGED_ANEW,
        {"seen": (4 + 2 + 2 * 0.5) / 8, "unseen": 1.0},
    )
    assert judge(prompts=("not {}",)) == (JUDGED_ANEW, {"seen": 0.0, "unseen": 0.0})
