"""Two small models that are served: `half_plus_two` in version 123, `every_kind` in version 1."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def small_models(tmp_path_factory):
    from half_plus_two import save_every_kind, save_half_plus_two
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    from serving.server.core.models import ServedModels

    base, config = tmp_path_factory.mktemp("models"), ModelServerConfig()
    save_half_plus_two(base / "half_plus_two" / "123")
    save_every_kind(base / "every_kind" / "1")
    for name in ("half_plus_two", "every_kind"):
        config.model_config_list.config.add(name=name, base_path=str(base / name), model_platform="tensorflow")
    models = ServedModels(config)
    models.start()
    yield models
    models.close()
