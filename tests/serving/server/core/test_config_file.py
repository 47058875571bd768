"""A ModelServerConfig from a file: what is taken, and what is refused in server_core.cc's words."""

from __future__ import annotations

import pytest

from serving.server.core.config_file import read_config

GOOD = """
model_config_list {
  config {
    name: "align"
    base_path: "/models/align"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: 1 versions: 2 } }
    version_labels { key: "stable" value: 1 }
  }
  config { name: "other" base_path: "/models/other" model_type: TENSORFLOW }
}
"""
ONE = 'model_config_list { config { name: "a" base_path: "/a" model_platform: "tensorflow" } }'


def test_a_file_is_read(tmp_path):
    path = tmp_path / "models.config"
    path.write_text(GOOD, encoding="utf-8")
    align, other = read_config(path).model_config_list.config
    assert (align.name, align.base_path, dict(align.version_labels)) == ("align", "/models/align", {"stable": 1})
    assert list(align.model_version_policy.specific.versions) == [1, 2]
    assert other.name == "other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model_config_list { config { nam: 'a' } }", 'no text of a ModelServerConfig: 1:30 : .*no field named "nam"'),
        ("", "Only ModelConfigList is currently supported"),
        ("custom_model_config {}", "Only ModelConfigList is currently supported"),
        (ONE[:-1] + ONE[len("model_config_list { ") :], "Illegal to list model a multiple times in config list"),
        (ONE.replace('"/a"', '"a"'), r"Expected model a to have an absolute path or URI; got base_path\(\)=a"),
        (ONE.replace('"/a"', '"gs://b/a"'), "a file names folders of this machine alone"),
        (ONE.replace('"tensorflow"', '"caffe"'), "Model a requests unsupported platform caffe"),
        (ONE.replace('model_platform: "tensorflow"', ""), "Illegal setting neither"),
        (ONE.replace("model_platform", "model_type: TENSORFLOW model_platform"), "Illegal setting both"),
    ],
)
def test_a_file_that_cannot_be_served_is_named(tmp_path, text, said):
    path = tmp_path / "models.config"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said) as caught:
        read_config(path)
    assert str(caught.value).startswith(str(path))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.config cannot be read"):
        read_config(tmp_path / "none.config")
