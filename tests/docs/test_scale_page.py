"""The configs that docs/scale.md tells a reader to write are configs: each loads, and Beam takes its options."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from components.beam.options import check_beam_options
from tfx_pipeline.settings.config import load

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"


def configs() -> list[str]:
    """Returns the YAML blocks of the page that have a `beam` section."""
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in blocks if re.search(r"^ *beam:$", block, re.MULTILINE)]


def test_it_has_one_for_flink_and_one_for_dataflow():
    assert len(configs()) == 2


@pytest.mark.parametrize("index", [0, 1])
def test_a_config_of_the_page_loads(tmp_path, index):
    path = tmp_path / "mine.yaml"
    path.write_text(configs()[index], encoding="utf-8")
    beam = load(str(path)).beam
    assert beam.runner == ("flink", "dataflow")[index]
    check_beam_options(beam.options, beam.runner)
