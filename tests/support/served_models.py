"""What the tests of the served models share: models of tests/serving/server/core/conftest.py, how they answer now."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from serving.server.core.config_file import one_model
from serving.server.core.models import ServedModels
from serving.server.core.spec import ModelSpec
from serving.server.core.status import State
from serving.server.refusal import Refusal

QUICK = {"poll_s": 0.05, "settle_s": 0.05}


@contextlib.contextmanager
def serving(config, **settings):
    models = ServedModels(config, **{**QUICK, **settings})
    models.start()
    try:
        yield models
    finally:
        models.close()


def factor(models, name="m", **choice) -> float:
    """Returns what the version that answers multiplies by."""
    with models.use(ModelSpec(name, **choice)) as version:
        return float(version.run("scale", {"x": np.array([1.0], np.float32)})["y"][0])


def refused(models, name="m", **choice) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        factor(models, name, **choice)
    return caught.value.code.name, caught.value.message


def states(models, name="m") -> dict[int, State]:
    return {status.version: status.state for status in models.statuses(ModelSpec(name))}


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


def config_of(base: Path, policy: str = "", **labels: int):
    config = one_model("m", base)
    model = config.model_config_list.config[0]
    text_format.Parse(policy, model.model_version_policy)
    model.version_labels.update(labels)
    return config
