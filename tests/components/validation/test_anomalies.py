"""The rule that stops a run on anomalies, on messages as TFDV writes them."""

from __future__ import annotations

import pytest
from google.protobuf import json_format
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.validation.anomalies import Anomaly, read_anomalies, refuse_errors

KIND = "Unexpected string values"
LANGUAGE = Anomaly("train", "caption/language", "ERROR", KIND, "Examples contain values missing from the schema: de")


def message(**fields) -> bytes:
    return json_format.ParseDict(fields, anomalies_pb2.Anomalies()).SerializeToString()


def test_a_message_is_read_whole_features_by_name_and_the_split_first():
    new_column = {"severity": "WARNING", "short_description": "New column", "description": "New column\n(in data)"}
    unexpected = {"severity": "ERROR", "short_description": KIND, "description": f"{LANGUAGE.what}. "}
    few = {"severity": "ERROR", "short_description": "Low num examples", "description": "4 only."}
    found = message(anomaly_info={"split": new_column, "caption/language": unexpected}, dataset_anomaly_info=few)
    assert read_anomalies(found, "train") == [
        Anomaly("train", "", "ERROR", "Low num examples", "4 only"),
        LANGUAGE,
        Anomaly("train", "split", "WARNING", "New column", "New column (in data)"),
    ]


def test_a_split_without_examples_breaks_every_schema():
    (empty,) = read_anomalies(message(data_missing=True), "test")
    with pytest.raises(ValueError, match="the data break the schema: split 'test': the split holds no Examples; mend"):
        refuse_errors([empty], None)


def test_a_long_list_of_values_is_cut():
    long = {"severity": "ERROR", "description": "word " * 1000}
    (anomaly,) = read_anomalies(message(anomaly_info={"caption/text": long}), "train")
    assert len(anomaly.what) == 204
    assert anomaly.what.endswith(" ...")


def test_an_empty_message_holds_nothing_and_a_damaged_one_is_refused():
    assert read_anomalies(b"", "train") == []
    with pytest.raises(ValueError, match=r"^the anomalies of split 'train' cannot be read: .*; make them anew$"):
        read_anomalies(b"\xff", "train")


def test_the_sentence_names_split_feature_what_is_wrong_and_the_remedy():
    with pytest.raises(ValueError, match="break") as caught:
        refuse_errors([LANGUAGE], "/data/schema.pbtxt")
    assert str(caught.value) == (
        "the data break the schema: split 'train', feature 'caption/language': Examples contain values missing from "
        "the schema: de; mend the data, allow it in validation.schema = '/data/schema.pbtxt', or set "
        "validation.on_anomalies to 'report'"
    )


def test_without_a_curated_schema_the_remedy_is_to_curate_one():
    with pytest.raises(ValueError, match=r"mend the data, set validation.schema to one that allows it, or set"):
        refuse_errors([LANGUAGE], None)


def test_three_are_named_and_the_rest_counted():
    of_splits = [Anomaly(f"s{number}", "", "ERROR", "", "few") for number in range(5)]
    with pytest.raises(ValueError, match=r"split 's0': few; split 's1': few; split 's2': few; and 2 more; mend"):
        refuse_errors(of_splits, None)
    with pytest.raises(ValueError, match=r"split 's2': few; mend"):
        refuse_errors(of_splits[:3], None)


@pytest.mark.parametrize("severity", ["WARNING", "UNKNOWN"])
def test_what_is_no_error_stops_nothing(severity):
    refuse_errors([Anomaly("train", "split", severity, "New column", "New column")], None)
    refuse_errors([], None)
