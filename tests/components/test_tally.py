"""A tally balances or is refused."""

import pytest

from components.tally import Tally


def test_a_tally_that_balances_lists_its_reasons_by_name():
    assert Tally(read=10, kept=4, dropped={"small": 5, "odd": 1}).to_json() == {
        "read": 10,
        "kept": 4,
        "dropped": {"odd": 1, "small": 5},
    }


@pytest.mark.parametrize(("read", "kept", "dropped"), [(3, 1, {"small": 1}), (1, 2, {}), (0, 0, {"small": 1})])
def test_a_tally_that_does_not_balance_is_refused(read, kept, dropped):
    with pytest.raises(ValueError, match=f"read {read}, kept {kept}.*unaccounted for {read - kept - len(dropped)}"):
        Tally(read=read, kept=kept, dropped=dropped)
