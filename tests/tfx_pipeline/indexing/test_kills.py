"""align index under kill -9, by the benchmark that does it many times over."""

from __future__ import annotations

from benchmarks.search.kill_commands import after, kill, kind_of, rows_of


def test_a_killed_command_leaves_the_index_as_before_or_as_after(tmp_path):
    changes = kill(tmp_path, kills=2, seed=3, longest=5.0)
    assert len(changes) == 2
    assert changes == sorted(changes)


def test_the_expected_state_follows_the_changes():
    assert [kind_of(change) for change in range(7)] == [
        *("build", "add", "add"),
        *("delete", "delete where", "compact", "delete"),
    ]
    state = after(after({"999": 7}, 0), 1)
    assert state.keys() == rows_of(0).keys() | rows_of(1).keys()
    assert {state[name] for name in rows_of(1)} == {1}
    assert after(state, 5) == state
    assert 0 < len(state) - len(after(state, 3)) <= 10
