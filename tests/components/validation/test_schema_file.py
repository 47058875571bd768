"""What is refused as a schema before anything runs."""

from __future__ import annotations

import pytest

from components.validation.schema_file import check_schema


def test_a_schema_passes(tmp_path):
    path = tmp_path / "schema.pbtxt"
    path.write_text('feature { name: "caption/text" type: BYTES }', encoding="utf-8")
    check_schema(str(path))


def test_what_is_no_schema_is_one_sentence(tmp_path):
    path = tmp_path / "schema.pbtxt"
    with pytest.raises(ValueError, match=r"^validation.schema is '.*schema.pbtxt', which is no file; name a schema.pb"):
        check_schema(str(path))
    for content in (b"feature { nome: 1 }", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"^validation.schema is '.*', which is no schema \(.*\); mend that line$"):
            check_schema(str(path))


def test_an_address_is_left_to_those_who_read_it():
    check_schema("gs://bucket/schema.pbtxt")
    with pytest.raises(
        ValueError, match=r"^validation.schema is 's3://b/schema.pbtxt', which TensorFlow, .* or a gs://"
    ):
        check_schema("s3://b/schema.pbtxt")
