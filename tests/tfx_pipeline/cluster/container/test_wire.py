"""Artifacts that go from one container to the next say the same of themselves, whichever cluster hands them on."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tfx.types import Artifact, standard_artifacts
from tfx.types.artifact import Property, PropertyType

from cluster_tasks import ENVIRONMENT, FORMS, published
from components.artifacts import IngestReport
from tfx_pipeline.cluster.container.carrier import find_carrier
from tfx_pipeline.cluster.container.task import TaskError
from tfx_pipeline.cluster.container.wire import Artifacts

ADDRESS = "gs://bucket/run/7/PairExampleGen/examples"
CARRIER = find_carrier([ADDRESS], ENVIRONMENT, [])
JSON_VALUES = st.recursive(
    st.booleans() | st.text() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(min_size=1), inside, min_size=1),
    max_leaves=6,
)


class Everything(Artifact):
    """A type with a property of each kind."""

    TYPE_NAME = "align.Everything"
    PROPERTIES = {  # noqa: RUF012 - TFX's own form
        "whole": Property(PropertyType.INT),
        "real": Property(PropertyType.FLOAT),
        "text": Property(PropertyType.STRING),
        "flag": Property(PropertyType.BOOLEAN),
        "json": Property(PropertyType.JSON_VALUE),
    }


def handed_on(made: Artifact, form: str, key: str = "examples") -> Artifact:
    """Returns the artifact as the next container's executor gets it."""
    kind = f"{type(made).__module__}.{type(made).__qualname__}"
    if not made.uri:
        made.uri = ADDRESS
    said = published(form, key, kind, Artifacts(CARRIER).write(made))
    return Artifacts(CARRIER).read(type(made), said)


@pytest.mark.parametrize("form", FORMS)
@given(
    whole=st.integers(-(2**63), 2**63 - 1),
    real=st.floats(allow_nan=False),
    text=st.text(),
    flag=st.booleans(),
    value=JSON_VALUES,
)
def test_declared_properties_come_back(form, whole, real, text, flag, value):
    made = Everything()
    made.whole, made.real, made.text, made.flag, made.json = whole, real, text, flag, value
    back = handed_on(made, form)
    assert (back.whole, back.real, back.text, back.flag, back.json) == (whole, real, text, flag, value)
    assert isinstance(back.whole, int)


@pytest.mark.parametrize("form", FORMS)
@given(
    whole=st.integers(-(2**63), 2**63 - 1),
    real=st.floats(allow_nan=False),
    text=st.text(),
    flag=st.booleans(),
    value=st.lists(JSON_VALUES) | st.dictionaries(st.text(min_size=1), JSON_VALUES, min_size=1),
)
def test_custom_properties_come_back(form, whole, real, text, flag, value):
    made = IngestReport()
    made.set_int_custom_property("whole", whole)
    made.set_float_custom_property("real", real)
    made.set_string_custom_property("text", text)
    made.set_bool_custom_property("flag", flag)
    made.set_json_value_custom_property("json", value)
    back = handed_on(made, form)
    assert back.get_int_custom_property("whole") == whole
    assert back.get_float_custom_property("real") == real
    assert back.get_string_custom_property("text") == text
    assert back.get_bool_custom_property("flag") is flag
    assert back.get_json_value_custom_property("json") == value


@pytest.mark.parametrize("form", FORMS)
def test_what_is_no_number_stays_none(form):
    made = IngestReport()
    made.set_float_custom_property("loss", math.nan)
    assert math.isnan(handed_on(made, form).get_float_custom_property("loss"))


@pytest.mark.parametrize("form", FORMS)
def test_a_custom_property_of_a_declared_ones_name_is_kept_apart(form):
    made = standard_artifacts.Examples()
    made.split_names = '["train"]'
    made.set_string_custom_property("split_names", "mine")
    made.set_string_custom_property("custom:other", "theirs")
    back = handed_on(made, form)
    assert back.split_names == '["train"]'
    assert back.get_string_custom_property("split_names") == "mine"
    assert back.get_string_custom_property("custom:other") == "theirs"


def test_what_tfx_writes_is_read():
    metadata = {"span": 3.0, "split_names": '["train"]', "pieces": 70.0, "share": 0.5, "is_external": 1.0, "x": None}
    said = {"name": "7", "uri": ADDRESS, "metadata": metadata}
    examples = Artifacts(CARRIER).read(standard_artifacts.Examples, said)
    assert (examples.span, examples.split_names) == (3, '["train"]')
    assert examples.get_int_custom_property("pieces") == 70
    assert examples.get_float_custom_property("pieces") == 70.0
    assert examples.get_float_custom_property("share") == 0.5
    assert examples.is_external


def test_the_fields_of_pipeline_spec_2_0_are_read():
    said = {
        "uri": ADDRESS,
        "properties": {"span": {"intValue": "3"}, "split_names": {"stringValue": '["train"]'}},
        "customProperties": {"span": {"stringValue": "mine"}, "share": {"doubleValue": 0.5}},
    }
    examples = Artifacts(CARRIER).read(standard_artifacts.Examples, said)
    assert (examples.span, examples.split_names) == (3, '["train"]')
    assert examples.get_string_custom_property("span") == "mine"
    assert examples.get_float_custom_property("share") == 0.5


def test_the_launchers_folder_is_the_address_again_wherever_an_executor_names_it():
    artifacts = Artifacts(CARRIER)
    blessing = artifacts.read(standard_artifacts.ModelBlessing, {"name": "blessing", "uri": "gs://bucket/blessing"})
    assert blessing.uri == "/gcs/bucket/blessing"
    blessing.set_string_custom_property("current_model", "/gcs/bucket/model")
    said = artifacts.write(blessing)
    assert said["uri"] == "gs://bucket/blessing"
    assert said["metadata"] == {"current_model": "gs://bucket/model"}


def test_a_number_that_an_executor_says_of_another_artifact_is_that_ones_name():
    artifacts = Artifacts(CARRIER)
    model = artifacts.read(standard_artifacts.Model, {"name": "projects/1/artifacts/7", "uri": "gs://bucket/model"})
    blessing = artifacts.read(standard_artifacts.ModelBlessing, {"name": "blessing", "uri": "gs://bucket/blessing"})
    blessing.set_int_custom_property("current_model_id", model.id)
    blessing.set_int_custom_property("blessed", 1)
    said = artifacts.write(blessing)
    assert said["metadata"] == {"blessed": 1, "current_model_id": "projects/1/artifacts/7"}
    assert said["name"] == "blessing"


def test_artifacts_of_one_name_or_of_none_have_numbers_of_their_own():
    artifacts = Artifacts(CARRIER)
    said = [{"name": "model", "uri": f"gs://bucket/{n}/model"} for n in range(2)] + [{"uri": "gs://bucket/2/model"}]
    numbers = {artifacts.read(standard_artifacts.Model, one).id for one in said}
    assert len(numbers) == 3
    assert all(0 < number < 2**63 for number in numbers)


@pytest.mark.parametrize("value", ["many", 1.5, {"a": 1}])
def test_metadata_that_its_type_does_not_allow_is_refused(value):
    said = {"uri": ADDRESS, "metadata": {"span": value}}
    with pytest.raises(TaskError, match=r"the metadata of /gcs/.* has span = .* no value of Examples's property"):
        Artifacts(CARRIER).read(standard_artifacts.Examples, said)
