"""Standard error while libraries load: held back, also from below Python, and said after all on failure."""

import os

import pytest

from tfx_pipeline.quiet import STDERR, quiet_imports


def test_what_is_said_in_the_block_is_held_back_and_what_comes_after_is_not(capfd):
    with quiet_imports():
        os.write(STDERR, b"from C++\n")
    os.write(STDERR, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_a_block_that_fails_shows_what_was_held_back(capfd):
    def load():
        with quiet_imports():
            os.write(STDERR, b"no such library\n")
            raise ImportError("a library is missing")

    with pytest.raises(ImportError):
        load()
    assert capfd.readouterr().err == "no such library\n"
