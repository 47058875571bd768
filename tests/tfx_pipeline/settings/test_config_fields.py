"""Fields of the config that are dataclasses, literals or null, and `evaluation_sets`, whose entries take their key."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.pair_example_gen.config import EvaluationSetConfig
from components.pair_filter.config import FilterConfig
from components.pair_filter.model_config import ImageModelConfig, NeighbourConfig, UnsafeConfig
from tfx_pipeline.settings.config import Config, ConfigError, build, load
from tfx_pipeline.settings.yaml_text import read_yaml, write_yaml

MODEL = "path: m.onnx, image_px: 299, scale: zero_to_one"


def write(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


models = st.builds(
    ImageModelConfig,
    path=st.text(min_size=1, max_size=9),
    image_px=st.integers(1, 999),
    scale=st.sampled_from(["minus_one_to_one", "zero_to_one", "imagenet", "bytes"]),
    layout=st.sampled_from(["nhwc", "nchw"]),
    output=st.none() | st.text(min_size=1, max_size=3),
    columns=st.lists(st.integers(0, 9), unique=True).map(tuple),
    batch=st.integers(1, 64),
)
filters = st.builds(
    FilterConfig,
    max_hash_distance=st.none() | st.integers(0, 4),
    frequent_ngrams=st.none() | st.integers(1, 10**9),
    ngram_false_positive_rate=st.none() | st.floats(1e-9, 0.5),
    unsafe=st.none() | st.builds(UnsafeConfig, models, st.floats(0.01, 1)),
    neighbours=st.none()
    | st.builds(
        NeighbourConfig,
        models.map(lambda model: dataclasses.replace(model, columns=())),
        clusters=st.integers(10, 99),
        min_cosine=st.floats(-1, 0.99),
    ),
)
evaluation_sets = st.dictionaries(
    st.from_regex(r"set-[a-z0-9-]*", fullmatch=True),
    st.builds(
        dict,
        shards=st.sampled_from(["gs://bucket/set", "/data/set"]),
        format=st.sampled_from(["karpathy", "parquet", "tar"]),
        sample=st.none() | st.integers(1, 9),
    ),
    max_size=2,
)


@given(filters, evaluation_sets)
def test_every_config_survives_a_round_trip_through_yaml(rules, sets):
    named = {name: EvaluationSetConfig(name=name, **fields) for name, fields in sets.items()}
    config = Config(filter=rules, evaluation_sets=named)
    assert build(read_yaml(write_yaml(config.to_mapping()), "mine.yaml")) == config
    assert FilterConfig.from_json(rules.to_json()) == rules


def test_a_model_is_read_from_a_file(tmp_path):
    config = load(write(tmp_path, f"filter: {{unsafe: {{model: {{{MODEL}, columns: [1, 4]}}, threshold: 1}}}}"))
    path = str(tmp_path / "m.onnx")
    assert config.filter.unsafe == UnsafeConfig(ImageModelConfig(path, 299, "zero_to_one", columns=(1, 4)), 1.0)
    assert config.filter.neighbours is None


def test_paths_are_relative_to_the_file_and_addresses_are_left_alone(tmp_path):
    sets = "evaluation_sets: {coco: {shards: c, format: karpathy, image_folder: i}, far: {shards: gs://b/f}}"
    schema = "validation: {schema: schema.pbtxt, on_anomalies: stop}"
    model = "filter: {neighbours: {model: {path: models/e, image_px: 8, scale: bytes}}}"
    config = load(write(tmp_path, f"{sets}\n{schema}\n{model}\n"))
    assert config.validation.schema == str(tmp_path / "schema.pbtxt")
    coco = config.evaluation_sets["coco"]
    assert (coco.shards, coco.image_folder) == (str(tmp_path / "c"), str(tmp_path / "i"))
    assert config.evaluation_sets["far"].shards == "gs://b/f"
    assert config.filter.neighbours.model.path == str(tmp_path / "models" / "e")


def test_set_reaches_into_nested_fields(tmp_path):
    path = write(tmp_path, f"filter: {{unsafe: {{model: {{{MODEL}}}}}}}\nevaluation_sets: {{coco: {{shards: c}}}}")
    sets = {"evaluation_sets.coco.sample": "7", "evaluation_sets.new.shards": "gs://b/n"}
    config = load(path, {"filter.unsafe.threshold": "0.25", "filter.unsafe.model.columns": "[2]", **sets})
    assert (config.filter.unsafe.threshold, config.filter.unsafe.model.columns) == (0.25, (2,))
    assert config.filter.unsafe.model.image_px == 299
    assert (config.evaluation_sets["coco"].sample, config.evaluation_sets["coco"].shards) == (7, str(tmp_path / "c"))
    assert config.evaluation_sets["new"].split_names == ["test"]
    assert load(path, {"filter.unsafe": "null"}).filter.unsafe is None


def test_an_evaluation_set_takes_its_key_for_its_name_and_needs_no_train_split():
    config = build(
        {"evaluation_sets": {"coco": {"shards": "gs://c", "splits": {"a": "a/*", "b": "b/*"}, "hash_split": {}}}}
    )
    assert config.evaluation_sets["coco"].name == "coco"
    assert config.evaluation_sets["coco"].split_names == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("filter: {unsafe: 3}", "filter.unsafe is 3 (int); it must be a mapping of its fields or null"),
        ("filter: {unsafe: {}}", "filter.unsafe lacks model; set filter.unsafe.model"),
        (
            "filter: {unsafe: {model: {path: m}}}",
            "filter.unsafe.model lacks image_px and scale; set filter.unsafe.model.im",
        ),
        ("filter: {treshold: 1}", "filter.treshold is not a field"),
        ("filter: {threshold: 1}", "filter.threshold is not a field; did you mean filter.unsafe.threshold?"),
        (
            f"filter: {{unsafe: {{model: {{{MODEL}, signatur: a}}}}}}",
            "filter.unsafe.model.signatur is not a field; did you mean filter.unsafe.model.signature?",
        ),
        (
            f"filter: {{unsafe: {{model: {{{MODEL}, layout: nwhc}}}}}}",
            "filter.unsafe.model.layout is 'nwhc' (str); it must be one of nhwc, nchw",
        ),
        (
            f"filter: {{unsafe: {{model: {{{MODEL}, columns: [a]}}}}}}",
            "filter.unsafe.model.columns[0] is 'a' (str); it m",
        ),
        (
            f"filter: {{unsafe: {{model: {{{MODEL}, columns: 1}}}}}}",
            "filter.unsafe.model.columns is 1 (int); it must be a",
        ),
        (f"filter: {{unsafe: {{model: {{{MODEL}, batch: 0}}}}}}", "filter.unsafe.model.batch of "),
        (f"filter: {{unsafe: {{model: {{{MODEL}}}, threshold: 2}}}}", "filter.unsafe.threshold of "),
        (
            f"filter: {{unsafe: {{model: {{{MODEL}}}, threshold: x}}}}",
            "filter.unsafe.threshold is 'x' (str); it must be a",
        ),
        (
            "filter: {neighbours: {model: {path: '', image_px: 1, scale: bytes}}}",
            "filter.neighbours.model.path is empty",
        ),
        (
            "filter: {max_hash_distance: 1.5}",
            "filter.max_hash_distance is 1.5 (float); it must be a whole number or null",
        ),
        (
            "filter: {frequent_ngrams: many}",
            "filter.frequent_ngrams is 'many' (str); it must be a whole number or null",
        ),
        ("validation: {on_anomalies: halt}", "validation.on_anomalies is 'halt' (str); it must be one of report, stop"),
        ("validation: {schema: ''}", "validation.schema is ''; set it to null, or leave it out"),
        (
            "ingest: {language_field: ''}",
            "ingest.language_field is ''; set it to null, or leave it out",
        ),
        ("ingest: {language_field: 0}", "ingest.language_field is 0 (int); it must be text or false or null"),
        ("evaluation_sets: {coco: {shards: c, label_field: ''}}", "evaluation_sets.coco.label_field is ''; set it"),
        (f"filter: {{unsafe: {{model: {{{MODEL}, output: ''}}}}}}", "filter.unsafe.model.output is ''; set it"),
        ("training: {base_model: None}", "training.base_model is 'None'; set it to null"),
        ("ingest: {label_field: none}", "ingest.label_field is 'none'; set it to null"),
        ("training: {base_model: ''}", "training.base_model is ''; set it to null"),
        ("evaluation_sets: [coco]", "evaluation_sets is ['coco'] (list); it must be a mapping"),
        ("evaluation_sets: {coco: }", "evaluation_sets.coco is None (NoneType); it must be a mapping of its fields"),
        ("evaluation_sets: {coco: {}}", "evaluation_sets.coco.shards is empty; set it to the folder"),
        (
            "evaluation_sets: {coco: {shard: c}}",
            "evaluation_sets.coco.shard is not a field; did you mean evaluation_sets.c",
        ),
        ("evaluation_sets: {coco: {shards: c, sample: 0}}", "evaluation_sets.coco.sample is 0; it must be at least 1"),
        ("evaluation_sets: {coco: {shards: c, format: t}}", "evaluation_sets.coco.format is 't'; it must be one of"),
        (
            "evaluation_sets: {coco: {shards: c, name: x}}",
            "evaluation_sets.coco.name is 'x' (str), but its key is its nam",
        ),
        ("evaluation_sets: {My Set: {shards: c}}", "evaluation_sets has the key 'My Set'; name a set in lower-case"),
        ("evaluation_sets: {train: {shards: c}}", "evaluation_sets has the key 'train', which is a split of ingest"),
        (
            "evaluation_sets: {coco: {shards: c}}\nfilter: {drop_evaluation_images: false}",
            "evaluation_sets names coco, but the filter compares no images; set filter.drop_evaluation_images to true",
        ),
    ],
)
def test_a_wrong_field_is_named_with_all_sections_that_it_is_in(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
