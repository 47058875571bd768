"""Two small models that are served: `half_plus_two` in version 123, `every_kind` in version 1."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def small_models(tmp_path_factory):
    from half_plus_two import save_both

    from serving.server.core.models import ServedModels

    models = ServedModels(save_both(tmp_path_factory.mktemp("models")))
    models.start()
    yield models
    models.close()
