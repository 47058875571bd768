"""One word for all that stands behind the paths of a config, for what is kept outside of TFX's cache."""

from __future__ import annotations

import hashlib

from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import Config, as_config_error


def inputs_of(config: Config) -> str:
    """Returns a hash of what the caches of the pipeline's components look at in files: equal hashes, equal results.

    Raises:
      ConfigError: where there is nothing to read, or a file system cannot be asked.
    """
    with quiet_imports():  # Beam
        from components.beam.address_content import content_of
        from components.pair_example_gen.fingerprint import fingerprint
        from components.pair_example_gen.storage.file_systems import use_options
        from components.pair_example_gen.storage.shards import check_shards

    use_options(config.beam.file_system_args())
    models = [model.path for model in config.filter.models]
    paths = [config.validation.schema, *models, config.vocabulary.file, config.training.base_model]
    read = (config.ingest, *config.evaluation_sets.values())
    with as_config_error():
        for each in read:
            check_shards(each)
        found = [*map(fingerprint, read), *(content_of(path) if path else "" for path in paths)]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()
