"""align index on an index in Milvus under kill -9, by the benchmark that does it many times over."""

from __future__ import annotations

import pytest

from benchmarks.search.kill_commands import kill

pytestmark = pytest.mark.milvus


def test_a_killed_command_leaves_the_index_in_milvus_as_before_or_as_after(milvus, tmp_path):
    changes = kill(tmp_path, kills=3, seed=1, longest=8.0, place=f"{milvus}/killed")
    assert changes == sorted(changes)
    assert changes[-1] > 0
