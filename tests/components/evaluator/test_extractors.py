"""Class texts in Examples, and a pipeline run for real in which prompts and names change and no model does."""

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
from components.evaluator.component import eval_config
from components.evaluator.config import EvaluationConfig
from components.evaluator.extractors import _add_to_batch, add_class_texts, custom_extractors
from components.evaluator.results import load_metrics
from serving.signatures import IMAGE_EMBEDDING


def example(label: str | None) -> tf.train.Example:
    made = tf.train.Example()
    made.features.feature[schema.IMAGE_ENCODED].bytes_list.value.append(b"\x89PNG\x00\xff")
    if label is not None:
        made.features.feature[schema.CLASS_LABEL].bytes_list.value.append(label.encode())
    return made


def texts_of(serialized: bytes) -> list[str]:
    feature = tf.train.Example.FromString(serialized).features.feature
    return [text.decode() for text in feature[schema.CLASS_TEXTS].bytes_list.value]


@pytest.mark.parametrize(
    ("label", "texts"), [("кот", ["кот", "no кот"]), ("dog", ["hound", "no hound"]), ("", []), (None, [])]
)
def test_an_example_gets_its_class_texts_and_keeps_the_rest(label, texts):
    before = example(label)
    after = tf.train.Example.FromString(
        add_class_texts(before.SerializeToString(), ["{}", "no {}"], {"dog": ["hound"]})
    )
    assert texts_of(after.SerializeToString()) == texts
    for name in (schema.IMAGE_ENCODED, schema.CLASS_LABEL):
        assert after.features.feature[name] == before.features.feature[name]


def test_texts_that_an_example_holds_already_are_replaced():
    once = add_class_texts(example("dog").SerializeToString(), ["{}", "a {}"], {})
    assert texts_of(add_class_texts(once, ["the {}"], {})) == ["the dog"]


def test_a_batch_keeps_its_other_extracts_and_every_byte():
    before = {
        tfma.INPUT_KEY: np.array([example(label).SerializeToString() for label in ("dog\0", "", "cat")], object),
        tfma.FEATURES_KEY: {"split": np.array(["seen"] * 3)},
    }
    after = _add_to_batch(before, ["{}"], {})
    assert [texts_of(one) for one in after[tfma.INPUT_KEY]] == [["dog\0"], [], ["cat"]]
    assert after[tfma.FEATURES_KEY] is before[tfma.FEATURES_KEY]
    assert [texts_of(one) for one in before[tfma.INPUT_KEY]] == [[], [], []]  # Beam forbids changing what came in


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
