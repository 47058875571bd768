"""Tests that each artifact type of ours is found by its name, as TFX's entry point on Kubeflow looks for it."""

from __future__ import annotations

import pytest
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types import artifact
from tfx.utils import import_utils

from components import artifacts

TYPES = [of for of in vars(artifacts).values() if isinstance(of, type) and issubclass(of, artifact.Artifact)]


@pytest.mark.parametrize("of", TYPES, ids=lambda of: of.TYPE_NAME)
def test_a_type_is_imported_by_its_name(of):
    assert of.TYPE_NAME in compiler_utils.get_artifact_schema(of)
    assert import_utils.import_class_by_path(of.TYPE_NAME) is of
