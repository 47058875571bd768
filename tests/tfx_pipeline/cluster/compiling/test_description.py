"""Descriptions of stock components and our own, each name of a type being one that imports."""

from __future__ import annotations

import json

import pytest
from tfx.components import SchemaGen, StatisticsGen
from tfx.types import Channel, standard_artifacts
from tfx.utils import import_utils

from components.artifacts import Captions, FilterReport, RecordCounts
from components.pair_filter.component import PairFilter
from components.pair_filter.config import FilterConfig
from tfx_pipeline.cluster.compiling.description import component_description

EXAMPLES = "tfx.types.standard_artifacts.Examples"


@pytest.fixture(scope="module")
def examples() -> Channel:
    return Channel(type=standard_artifacts.Examples)


def test_a_stock_component(examples):
    described = component_description(StatisticsGen(examples=examples))
    assert described["inputs"] == {"examples": EXAMPLES}
    assert described["outputs"] == {"statistics": "tfx.types.standard_artifacts.ExampleStatistics"}
    assert set(described["parameters"].values()) <= {"str", "int"}


def test_numbers_keep_their_kind_and_messages_travel_as_text():
    statistics = Channel(type=standard_artifacts.ExampleStatistics)
    parameters = component_description(SchemaGen(statistics=statistics))["parameters"]
    assert parameters == {"infer_feature_shape": "int", "exclude_splits": "str"}


def test_each_evaluation_set_is_an_input_of_its_own(examples):
    described = component_description(
        PairFilter(FilterConfig(), examples=examples, evaluation_examples={"coco": examples, "my-own": examples})
    )
    assert described["inputs"] == {
        "unfiltered_examples": EXAMPLES,
        "evaluation_examples_coco": EXAMPLES,
        "evaluation_examples_my_own": EXAMPLES,
    }
    made = {key: import_utils.import_class_by_path(path) for key, path in described["outputs"].items()}
    assert made == {
        "examples": standard_artifacts.Examples,
        "rejects": standard_artifacts.Examples,
        "captions": Captions,
        "counts": RecordCounts,
        "report": FilterReport,
    }


def test_a_description_is_json(examples):
    described = component_description(StatisticsGen(examples=examples))
    assert json.loads(json.dumps(described)) == described
