"""The filter run on a small corpus, once for each config that tests share."""

from __future__ import annotations

import dataclasses
import functools

import pytest

from components.pair_filter.config import FilterConfig


@pytest.fixture(scope="package")
def corpus():
    """The records of filter_corpus.make_corpus."""
    from filter_corpus import make_corpus

    return make_corpus()


@pytest.fixture(scope="package")
def examples(corpus, tmp_path_factory):
    """The corpus as an Examples artifact of several files a split."""
    from filter_corpus import write_examples

    return write_examples(str(tmp_path_factory.mktemp("corpus")), corpus, files=3)


@pytest.fixture(scope="package")
def execute(run_executor):
    """Returns a function: a config and input artifacts -> the output artifacts."""
    from tfx.types import standard_artifacts

    from components.artifacts import Captions, FilterReport, RecordCounts
    from components.pair_filter.executor import Executor

    def run(config: FilterConfig, **inputs):
        outputs = dict.fromkeys(("examples", "rejects"), standard_artifacts.Examples)
        outputs |= {"captions": Captions, "counts": RecordCounts, "report": FilterReport}
        return run_executor(Executor, inputs, outputs, {"filter": dataclasses.asdict(config)})

    return run


@pytest.fixture(scope="package")
def filtered(examples, execute):
    """Returns a function: a config -> the output artifacts of one run on the corpus that the tests share."""
    return functools.cache(lambda config: execute(config, unfiltered_examples=examples))
