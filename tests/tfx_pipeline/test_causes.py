"""What a failure is said to be from."""

from __future__ import annotations

import argparse

import pytest

from tfx_pipeline.causes import explain


def test_an_exit_is_explained_by_what_came_before_it():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int)
    with pytest.raises(SystemExit) as caught:
        parser.parse_args(["--workers=many"])
    assert explain(caught.value) == (
        "it called for an exit with status 2 (argument --workers: invalid int value: 'many'); the log says why"
    )
    assert explain(SystemExit(3)) == "it called for an exit with status 3; the log says why"


def test_an_exception_is_explained_by_the_first_line_of_its_root_cause():
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = ValueError("the pile is empty\nsecond line")
    assert explain(wrapped) == "the pile is empty"
    assert explain(KeyError()) == "KeyError"
