"""Garbage is collected again once the libraries are there, also where one is missing."""

import gc

import pytest

from tfx_pipeline.quick import quick_imports
from tfx_pipeline.quiet import quiet_imports


@pytest.mark.parametrize("imports", [quick_imports, quiet_imports])
def test_nothing_is_collected_inside_and_again_behind(imports):
    with imports():
        assert not gc.isenabled()
        with imports():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_collected_again_behind_a_block_that_fails():
    def load():
        with quick_imports():
            raise ImportError("a library is missing")

    with pytest.raises(ImportError):
        load()
    assert gc.isenabled()
