"""What starts quickly stays free of what takes seconds to import: the report, and Beam's workers of the data steps."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = ("tensorflow", "tfx", "tensorflow_model_analysis", "tensorflow_data_validation", "keras")


@pytest.mark.parametrize(
    ("modules", "forbidden"),
    [
        (
            ["tfx_pipeline.report.rebuild", "tfx_pipeline.commands.search.query", "tfx_pipeline.commands.run"],
            (*SLOW, "apache_beam"),
        ),
        (
            [
                "components.beam.handover",
                "components.pair_example_gen.passes.ingest_job",
                "components.pair_example_gen.passes.training_decoder",
                "components.pair_filter.passes.filter_job",
                *(
                    f"components.pair_filter.passes.{stage}_pass"
                    for stage in ("describe", "evidence", "ngram", "write")
                ),
                "components.vocabulary.passes.count_pass",
                "tfx_pipeline.commands.dry_run",
            ],
            SLOW,
        ),
    ],
    ids=[
        "commands, before they ask a model or start a process",
        "workers of ingest, filter and vocabulary, and the dry run",
    ],
)
def test_what_must_start_quickly_imports_nothing_slow(modules, forbidden):
    script = f"import sys, {', '.join(modules)}; print(*(name for name in {forbidden!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
