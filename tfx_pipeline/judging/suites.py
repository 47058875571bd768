"""Opens a suite: ours by name, or a user's YAML file with sets, folders and pairs of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from components.evaluator.datasets.entry import Entry
from components.evaluator.datasets.kinds import DataSetError
from components.evaluator.suites.suite import load_suite, suite_names
from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import as_config_error


def suite_entries(suite: str) -> Sequence[Entry]:
    """Returns the data sets of a suite, in its order.

    Args:
      suite: the name of one of ours, or a YAML file.

    Raises:
      ConfigError: there is none, or what it says is wrong; the message names the field or the set.
    """
    with as_config_error(DataSetError):
        found = load_suite(suite)
        if not found.pairs:
            return found.entries()
        with quiet_imports():
            from tfx_pipeline.judging.pair_sets import pair_entry  # Beam comes with it, to read any file system

        own = [pair_entry(name, fields, found.file.parent) for name, fields in found.pairs.items()]
        return [*found.entries(), *own]


def full_name(suite: str) -> str:
    """Returns the name by which a suite is found from any folder."""
    return suite if suite in suite_names() else str(Path(suite).absolute())
