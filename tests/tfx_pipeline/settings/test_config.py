"""Tests of the config loader: presets, files over presets, and one sentence for each wrong field."""

from __future__ import annotations

import dataclasses
import functools
import operator
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.config import ModelConfig
from models.sizes import BertSize, EfficientNetSize
from models.training_config import TrainingConfig
from tfx_pipeline.settings.config import PATH_FIELDS, Config, ConfigError, build, load, preset_names
from tfx_pipeline.settings.yaml_text import read_yaml, write_yaml


def write(tmp_path, text, name="mine.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_defaults_are_the_papers():
    config = Config()
    assert (config.filter.shorter_side_above_px, config.filter.max_aspect_ratio) == (200, 3.0)
    assert (config.filter.min_words, config.filter.max_words) == (3, 20)
    assert (config.filter.max_images_per_caption, config.filter.max_captions_per_image) == (10, 1000)
    assert config.vocabulary.size == 100_000
    assert (config.model.image_resize_px, config.model.image_crop_px, config.model.text_max_pieces) == (346, 289, 64)
    training = config.training
    assert (training.batch, training.steps, training.warmup_steps) == (16_384, 1_200_000, 10_000)
    assert (training.learning_rate, training.weight_decay, training.label_smoothing) == (1e-3, 1e-5, 0.1)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads_and_survives_a_round_trip(name):
    config = load(name)
    assert build(read_yaml(write_yaml(config.to_mapping()), "mine.yaml")) == config


@pytest.mark.parametrize(
    ("name", "image", "text", "embedding", "steps"),
    [
        ("l2-large", "l2", "large", 1376, 1_200_000),
        ("b7-base", "b7", "base", 640, 1_200_000),
        ("b5-base", "b5", "base", 640, 1_000_000),
        ("b3-mini", "b3", "mini", 640, 1_000_000),
        ("b1-mini", "b1", "mini", 640, 1_000_000),
    ],
)
def test_paper_presets_differ_from_the_defaults_in_size_only(name, image, text, embedding, steps):
    model = ModelConfig(image=image, text=text, embedding=embedding)
    expected = Config(name=f"align-{name}", model=model, training=TrainingConfig(steps=steps))
    assert load(name) == expected


def test_the_multilingual_preset_differs_from_the_english_one_in_its_vocabulary_only():
    multilingual, english = load("l2-large-multilingual"), load("l2-large")
    assert multilingual.vocabulary.size == 250_000
    renamed = dataclasses.replace(multilingual, name=english.name, vocabulary=english.vocabulary)
    assert renamed == english


def test_the_demo_is_half_a_b0_and_a_bert_tiny_of_half_the_inner_width():
    for name in ("demo", "small"):
        model = load(name).model
        assert model.image_size == EfficientNetSize(0.5, 0.1)
        assert model.text_size == BertSize(layers=2, hidden=128, heads=4, intermediate=256)


def test_a_file_overrides_its_preset_by_field(tmp_path):
    path = write(tmp_path, "preset: b7-base\nname: mine\ntraining:\n  steps: 20000\nmodel:\n  dropout: 0\n")
    config = load(path)
    assert config.name == "mine"
    assert config.training == dataclasses.replace(TrainingConfig(), steps=20_000)
    assert config.model == dataclasses.replace(load("b7-base").model, dropout=0.0)


def test_set_comes_last_and_reads_yaml(tmp_path):
    path = write(tmp_path, "training:\n  seed: 1\n")
    config = load(path, {"training.seed": "7", "training.learning_rate": "2e-3", "evaluation.prompts": "['a {}']"})
    assert (config.training.seed, config.training.learning_rate) == (7, 2e-3)
    assert config.evaluation.prompts == ("a {}",)


def test_shards_are_relative_to_the_file_and_buckets_are_left_alone(tmp_path):
    near = write(tmp_path, "ingest:\n  shards: pile\n")
    assert load(near).ingest.shards == str(tmp_path / "pile")
    far = write(tmp_path, "ingest:\n  shards: gs://bucket/pile\n")
    assert load(far).ingest.shards == "gs://bucket/pile"
    images = write(tmp_path, "ingest: {shards: gs://bucket/lists, format: csv, image_folder: ../images}\n")
    assert load(images).ingest.image_folder == str(tmp_path.parent / "images")


@pytest.mark.parametrize("name", [name.replace("*", "coco") for name in PATH_FIELDS])
def test_a_tilde_is_the_home_folder_in_every_path_field_of_files_and_of_set(tmp_path, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    base = """
        ingest: {format: csv}
        evaluation_sets: {coco: {shards: c, format: csv}}
        filter:
          neighbours: {model: {path: m, image_px: 8, scale: bytes}}
          unsafe: {model: {path: m, image_px: 8, scale: bytes}}
    """
    path = write(tmp_path, base)
    expected = str(tmp_path / "home" / "x")
    by_option = load(path, {name: "~/x"}).to_mapping()
    values = read_yaml(base, "base")
    *sections, field = name.split(".")
    inner = functools.reduce(lambda at, section: at.setdefault(section, {}), sections, values)
    inner[field] = "~/x"
    by_file = load(write(tmp_path, write_yaml(values))).to_mapping()
    for found in (by_option, by_file):
        assert functools.reduce(operator.getitem, name.split("."), found) == expected


def test_aliases_share_no_object(tmp_path):
    text = "evaluation_sets:\n  a: &set {shards: a}\n  b: *set\n  c: {<<: *set, sample: 3}\n"
    config = load(write(tmp_path, text), {"evaluation_sets.a.shards": "gs://new"})
    assert [one.shards for one in config.evaluation_sets.values()] == ["gs://new", *[str(tmp_path / "a")] * 2]
    assert config.evaluation_sets["c"].sample == 3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("01300", "--set training.steps=01300, line 1: the value is 01300, which YAML 1.1 reads as 704"),
        ("[", "--set training.steps=[, line 1, is not YAML"),
        ("", "training.steps is None (NoneType); it must be a whole number"),
        ("{a: 1, a: 2}", "line 1: a stands in line 1 too; leave one of them out"),
    ],
)
def test_set_reads_yaml_as_files_are_read(value, message):
    with pytest.raises(ConfigError) as caught:
        load("demo", {"training.steps": value})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainin: {}", "trainin is not a field; did you mean training?"),
        ("training: {stpes: 3}", "training.stpes is not a field; did you mean training.steps?"),
        ("training: {min_words: 1}", "training.min_words is not a field; did you mean filter.min_words?"),
        ("training: {steps: many}", "training.steps is 'many' (str); it must be a whole number"),
        ("training: {steps: 1.5}", "training.steps is 1.5 (float); it must be a whole number"),
        ("training: {steps: true}", "training.steps is True (bool); it must be a whole number"),
        ("training: {horizontal_flip: 1}", "training.horizontal_flip is 1 (int); it must be true or false"),
        ("training: {batch: 1}", "training.batch is 1; a contrastive loss needs at least 2 pairs"),
        ("training: {initial_temperature: 0.0009}", "is 0.0009; it must be between 0.0009765625 and 16.0"),
        ("training: {initial_temperature: 17}", "training.initial_temperature is 17.0; it must be between"),
        ("training: {learning_rate: 1e999}", "training.learning_rate is inf (float); it must be a finite number"),
        ("training: {learning_rate: 1" + 400 * "0" + "}", "learning_rate is inf (float); it must be a finite number"),
        ("training: {min_crop_area: .nan}", "min_crop_area is nan (float); it must be a finite number or null"),
        ("evaluation: {min_metrics: {validation/i2t_recall_at_1: .nan}}", "it must be a finite number"),
        ("beam: {options: {profile_sample_rate: .inf}}", "beam.options.profile_sample_rate is inf (float); it must be"),
        (
            "beam: {options: {project: null}}",
            "is None (NoneType); it must be a whole number or a finite number",
        ),
        ("training: 3", "training is 3 (int); it must be a mapping of its fields"),
        ("evaluation: {splits: train}", "evaluation.splits is 'train' (str); it must be a list, such as [train]"),
        ("evaluation: {splits: [tset]}", "evaluation.splits names 'tset', but ingest makes ['train', 'validation']"),
        ("evaluation: {slices: [languge]}", "it must be one of language, source, class"),
        ("evaluation: {slices: [class, class]}", "list some of ['language', 'source', 'class'], each once"),
        ("evaluation: {engine: spark}", "evaluation.engine is 'spark' (str); it must be one of tfma, beam"),
        ("evaluation: {min_metrics: {validation/recall: 0.1}}", "evaluation.min_metrics has the key"),
        (
            "evaluation: {min_metrics: {validation/zero_shot_top_1: 0.1}}",
            "evaluation.min_metrics names 'validation/zero_shot_top_1', but ingest.label_field is null, so no image",
        ),
        ("filter: {max_images_per_caption: 0}", "filter.max_images_per_caption is 0; it must be 1 or more, or null"),
        ("filter: {max_aspect_ratio: .5}", "filter.max_aspect_ratio is 0.5; it must be 1 or more, or null"),
        ("filter: {min_words: 9, max_words: 8}", "filter.max_words is 8, below filter.min_words = 9"),
        ("ingest: {format: zip}", "ingest.format is 'zip'; it must be one of tar, parquet, tfrecord, csv"),
        ("ingest: {metadata: '*.tsv'}", "ingest.metadata is '*.tsv', which ingest.format 'tar' has no use for"),
        ("ingest: {sample: many}", "ingest.sample is 'many' (str); it must be a whole number or null"),
        ("ingest: {format: csv, columns: image}", "ingest.columns is 'image' (str); it must be a list"),
        ("beam: {runner: flnk}", "beam.runner is 'flnk'; it must be one of"),
        ("beam: {runner: dataflow}", "beam.options lacks project, region, temp_location"),
        ("beam: {options: {direct_running_mode: multi_threading}}", "can miscount groups"),
        ("name: My Model", "name is 'My Model'; use lower-case letters"),
        ("preset: demmo", "preset is 'demmo', which does not exist; presets are"),
        ("- a\n- b", "a config file is a mapping of sections"),
        ("a: [", "mine.yaml, line 1, is not YAML: while parsing"),
        ("", "mine.yaml is empty; a config file is a mapping of sections"),
        ("# training: {}\n", "mine.yaml is empty"),
        ("[]", "mine.yaml holds [] (list); a config file is a mapping of sections"),
        ("training: {steps: 5}\nmodel: {}\ntraining: {seed: 3}", "mine.yaml, line 3: training stands in line 1 too"),
        ("training:\n  steps: 01300", "mine.yaml, line 2: training.steps is 01300, which YAML 1.1 reads as 704 and"),
        ("ingest: {captions: {no: nb}}", "line 1: ingest.captions has the key no, which YAML 1.1 reads as False and"),
        (
            "training: {seed: 100000000000000000000}",
            "training.seed is 100000000000000000000; it must be a",
        ),
        ("training: {seed: 2147483648}", "training.seed is 2147483648; it must be from 0 to 2147483647"),
        ("training: {seed: -1}", "training.seed is -1; it must be from 0 to 2147483647"),
        ("output: ~no-such-user/x", "output is '~no-such-user/x', the home of nobody here; write the folder in full"),
    ],
)
def test_a_wrong_field_is_named_with_its_value_and_the_remedy(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_names_the_closest():
    with pytest.raises(ConfigError, match="'b7-bas' is neither a preset nor a file; did you mean 'b7-base'"):
        load("b7-bas")


@given(st.sampled_from([f.name for f in dataclasses.fields(ModelConfig)]), st.text(max_size=6))
def test_text_in_a_number_field_is_always_refused_by_name(field, text):
    with pytest.raises(ConfigError, match=f"model.{field} is "):
        build({"model": {field: text}})


def float_fields(cls: type = Config, prefix: str = "") -> list[str]:
    """Returns the dotted name of each field of the config that may hold a float."""
    names = []
    for name, hint in typing.get_type_hints(cls).items():
        if dataclasses.is_dataclass(hint):
            names += float_fields(hint, f"{prefix}{name}.")
        elif hint is float or (float in typing.get_args(hint)):
            names.append(f"{prefix}{name}")
        for option in typing.get_args(hint):
            if dataclasses.is_dataclass(option) and type(None) in typing.get_args(hint):
                names += float_fields(option, f"{prefix}{name}.")
    return names


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
@pytest.mark.parametrize("name", float_fields())
def test_a_float_that_is_not_finite_is_refused_in_every_section(name, value):
    assert {"filter.unsafe.threshold", "filter.neighbours.min_cosine"} < set(float_fields())
    with pytest.raises(ConfigError, match=rf"{name}.* is -?(nan|inf) \(float\); it must be a finite number"):
        load("demo", {name: f"{{split/metric: {value}}}" if name == "evaluation.min_metrics" else value})


def test_beam_arguments_are_spelt_as_beam_reads_them():
    config = build(
        {
            "beam": {
                "runner": "direct",
                "options": {
                    "direct_num_workers": 2,
                    "no_use_public_ips": True,
                    "streaming": False,
                    "experiments": ["use_runner_v2", "shuffle_mode=service"],
                },
            }
        }
    )
    assert config.beam.pipeline_args() == [
        "--runner=DirectRunner",
        "--direct_num_workers=2",
        "--no_use_public_ips",
        "--experiments=use_runner_v2",
        "--experiments=shuffle_mode=service",
        "--sdk_container_image=none",
        "--allow_unsafe_triggers",
    ]
    assert build(config.to_mapping()) == config


def test_class_names_list_names_by_label(tmp_path):
    path = write(tmp_path, "evaluation:\n  class_names: {n02084071: [dog, hound]}\n")
    assert load(path).evaluation.class_names == {"n02084071": ("dog", "hound")}
    assert build(load(path).to_mapping()) == load(path)


@pytest.mark.parametrize("names", ["[]", "[' ']", '["two\\nlines"]'])
def test_a_class_without_a_usable_name_is_refused(tmp_path, names):
    path = write(tmp_path, f"evaluation:\n  class_names: {{n02084071: {names}}}\n")
    with pytest.raises(ConfigError, match=r"evaluation\.class_names\['n02084071'\] is .* give at least one name"):
        load(path)
