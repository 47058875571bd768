"""A world to check by hand: images and captions of numbered concepts, and a model whose mistakes are chosen.

Image i shows concept i. It has 1 + i % 3 captions, so that batches are padded differently, and the class "even" or
"odd", but for the split "unlabelled"; even ones come from a.org, odd ones from b.org. The model gives concept i the
i-th unit vector, and the captions of the `confused` first concepts its negative: then no caption of theirs is found and
finds nothing, and every recall at k < N is 1 - confused / N (of captions: the share of captions that are not confused).
The text of a class names all odd concepts, all even ones or, by its number, one; a "not" in front turns the vector
round.
"""

import json
import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from tfx import v1 as tfx
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.types import artifact_utils, standard_artifacts

from components import schema
from components.evaluator.baseline.component import VERSION, BaselineModel
from components.evaluator.component import AlignEvaluator
from components.evaluator.config import EvaluationConfig
from components.pusher.component import Pusher
from components.pusher.config import CardConfig
from serving import signatures

CONCEPTS = 32
LANGUAGES = ("de", "en", "zh")
FULL_WIDTH = {ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}  # TF Text must make them ASCII again


def captions_of(concept: int) -> list[str]:
    return [f"caption {n} of concept {concept}".translate(FULL_WIDTH) for n in range(1 + concept % 3)]


def concept_example(concept: int, split: str) -> bytes:
    def of_bytes(*values: str) -> tf.train.Feature:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))

    feature = {
        schema.IMAGE_ENCODED: of_bytes(f"image of concept {concept}"),
        schema.CAPTION_TEXT: of_bytes(*captions_of(concept)),
        schema.CAPTION_LANGUAGE: of_bytes(*(LANGUAGES[(concept + n) % 3] for n in range(1 + concept % 3))),
        schema.RECORD_NAME: of_bytes(f"https://{'ab'[concept % 2]}.org/{concept}.png"),
        schema.CLASS_LABEL: of_bytes("" if split == "unlabelled" else "odd" if concept % 2 else "even"),
        schema.SPLIT: of_bytes(split),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def write_split(examples_uri: str, split: str, images: int, files: int = 1) -> None:
    """Write the Examples of concepts 0 .. images - 1 as TFX lays out a split."""
    folder = Path(examples_uri) / f"Split-{split}"
    folder.mkdir(parents=True)
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    for file in range(files):
        path = folder / f"data_tfrecord-{file:05d}-of-{files:05d}.gz"
        with tf.io.TFRecordWriter(str(path), options) as writer:
            for concept in range(file, images, files):
                writer.write(concept_example(concept, split))


def export_concept_model(path: str, confused: int = 0, scale: float = 1.0) -> str:
    """Write a SavedModel with the `evaluate` signature, a TF Text op inside; returns its path."""
    import tensorflow_text as tf_text

    class ConceptModel(tf.Module):
        def __init__(self):
            super().__init__()
            self.confused = tf.Variable(confused)
            self.scale = tf.Variable(scale)  # NaN makes a diverged model

        def concept(self, text):
            digits = tf.strings.regex_replace(tf_text.normalize_utf8(text, "NFKC"), r".* (\d+)$", r"\1")
            return tf.strings.to_number(digits, tf.int32)

        def shown(self, image):
            named = tf.strings.regex_full_match(image, r"image of concept \d+")  # else a picture that shows no concept
            return self.concept(tf.where(named, image, f"image of concept {CONCEPTS}"))

        def unit(self, concept):
            return tf.one_hot(concept, CONCEPTS) * self.scale

        def class_text(self, text):
            def named(pattern):
                return tf.strings.regex_full_match(text, pattern)[:, None]

            number = tf.strings.regex_replace(text, r"^.*\D", "")
            one = tf.one_hot(tf.strings.to_number(tf.where(number == "", "-1", number), tf.int32), CONCEPTS)
            odd = tf.cast(tf.range(CONCEPTS) % 2, tf.float32)
            members = tf.where(named(".*odd"), odd, tf.where(named(".*even"), 1 - odd, one))
            return tf.where(named("not .*"), -1.0, 1.0) * tf.math.l2_normalize(members, axis=-1)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, signatures.EXAMPLES)])
        def evaluate(self, examples):
            parsed = tf.io.parse_example(
                examples,
                {
                    schema.IMAGE_ENCODED: tf.io.FixedLenFeature([], tf.string),
                    schema.CAPTION_TEXT: tf.io.RaggedFeature(tf.string),
                    schema.CLASS_LABEL: tf.io.FixedLenFeature([], tf.string),
                    schema.CLASS_TEXTS: tf.io.RaggedFeature(tf.string),
                },
            )
            texts = parsed[schema.CAPTION_TEXT]
            concepts = self.concept(texts.values)
            signs = tf.where(concepts < self.confused, -1.0, 1.0)
            captions = texts.with_values(self.unit(concepts) * signs[:, None])
            asking = parsed[schema.CLASS_TEXTS]
            classes = tf.reduce_sum(asking.with_values(self.class_text(asking.values)), axis=1)
            return {
                signatures.IMAGE_EMBEDDING: self.unit(self.shown(parsed[schema.IMAGE_ENCODED])),
                signatures.CAPTION_EMBEDDING: captions.to_tensor(shape=[None, None, CONCEPTS]),
                signatures.CAPTION_COUNT: texts.row_lengths(),
                signatures.LABEL: parsed[schema.CLASS_LABEL],
                signatures.LABEL_EMBEDDING: tf.math.l2_normalize(classes, axis=-1),
            }

    model = ConceptModel()
    tf.saved_model.save(model, path, signatures={signatures.EVALUATE: model.evaluate})
    return path


@tfx.dsl.components.component
def ConceptExamples(examples: OutputArtifact[standard_artifacts.Examples], images: Parameter[str]):
    """Write Examples; `images` is JSON: split -> number of images."""
    sizes = json.loads(images)
    for split, count in sizes.items():
        write_split(examples.uri, split, count)
    examples.split_names = artifact_utils.encode_split_names(list(sizes))
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")


@tfx.dsl.components.component
def TrainerStandIn(model: OutputArtifact[standard_artifacts.Model], saved_model: Parameter[str]):
    """Publish a SavedModel made before, without loading it: no TF Text is imported here."""
    shutil.copytree(saved_model, Path(model.uri) / "Format-Serving")


@pytest.fixture(scope="session")
def write_concepts():
    """Returns a function: (folder, {split: images}, files) writes Examples as TFX lays them out."""

    def write(folder: Path, images: dict[str, int], files: int = 1) -> None:
        for split, count in images.items():
            write_split(str(folder), split, count, files)

    return write


@pytest.fixture(scope="session")
def concept_model(tmp_path_factory):
    """Returns a function: (confused, scale) -> path of the model, each exported once."""
    exported: dict[tuple[int, float], str] = {}

    def export(confused: int = 0, scale: float = 1.0) -> str:
        key = (confused, scale)
        if key not in exported:
            exported[key] = export_concept_model(str(tmp_path_factory.mktemp("model") / "saved"), confused, scale)
        return exported[key]

    return export


@pytest.fixture(scope="session")
def run_evaluator():
    """Returns a function that runs an Evaluator's executor as TFX does; it returns the two output artifacts."""

    def run(evaluator: type[AlignEvaluator], config: EvaluationConfig, folders: dict[str, str], output: Path) -> dict:
        given = {"examples": standard_artifacts.Examples(), "model": standard_artifacts.Model()}
        channels = {key: tfx.dsl.Channel(type=type(of)) for key, of in given.items()}
        component = evaluator(config, **channels, baseline=folders.get("baseline", ""))
        given["examples"].uri, given["model"].uri = folders["examples"], str(output / "model")
        given["examples"].split_names = artifact_utils.encode_split_names(list(config.splits))
        given["examples"].set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
        made = {"evaluation": standard_artifacts.ModelEvaluation(), "blessing": standard_artifacts.ModelBlessing()}
        for key, artifact in made.items():
            artifact.uri = str(output / key)
            (output / key).mkdir(parents=True)
        (output / "model").mkdir()
        (output / "model" / "Format-Serving").symlink_to(folders["model"])
        executor = component.executor_spec.executor_class
        inputs, outputs = ({key: [artifact] for key, artifact in of.items()} for of in (given, made))
        executor(executor.Context(tmp_dir=str(output))).Do(inputs, outputs, dict(component.exec_properties))
        return made

    return run


@pytest.fixture(scope="module")
def run_pipeline(tmp_path_factory):
    """Returns a function that runs examples -> stand-in Trainer -> BaselineModel -> Evaluator -> Pusher locally.

    All runs of a module share one metadata store, so that later runs see the models blessed by earlier ones.
    """
    root = tmp_path_factory.mktemp("pipeline")

    def run(saved_model: str, config: EvaluationConfig, images: dict[str, int], judge: type = AlignEvaluator) -> Path:
        examples = ConceptExamples(images=json.dumps(images))
        trainer = TrainerStandIn(saved_model=saved_model)
        baseline = BaselineModel(trainer.outputs["model"], pushed_models=str(root / "pushed"))
        evaluator = judge(
            config,
            examples=examples.outputs["examples"],
            model=trainer.outputs["model"],
            baseline=baseline.outputs[VERSION].future()[0].value,
        ).with_id("Evaluator")
        pusher = Pusher(
            CardConfig(),
            "judge",
            model=trainer.outputs["model"],
            model_blessing=evaluator.outputs["blessing"],
            push_destination=tfx.proto.PushDestination(
                filesystem=tfx.proto.PushDestination.Filesystem(base_directory=str(root / "pushed"))
            ),
        )
        pipeline = tfx.dsl.Pipeline(
            pipeline_name="judge",
            pipeline_root=str(root / "artifacts"),
            components=[examples, trainer, baseline, evaluator, pusher],
            enable_cache=True,
            metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
                str(root / "metadata.sqlite")
            ),
        )
        tfx.orchestration.LocalDagRunner().run(pipeline)
        return root

    return run
