"""One word for all that stands behind the paths of a config, for what is kept outside of TFX's cache."""

from __future__ import annotations

import hashlib
import itertools

from tfx_pipeline.quiet import quiet_imports
from tfx_pipeline.settings.config import Config, as_config_error
from tfx_pipeline.settings.paths import paths_of


def inputs_of(config: Config) -> str:
    """Returns a hash of what the caches of the pipeline's components look at in files: equal hashes, equal results.

    Raises:
      ConfigError: where there is nothing to read, or a file system cannot be asked.
    """
    with quiet_imports():  # Beam
        from components.beam.address_content import content_of
        from components.beam.file_system_options import use_options
        from components.pair_example_gen.fingerprint import fingerprint
        from components.pair_example_gen.storage.shards import check_shards

    use_options(config.beam.file_system_args())
    paths = itertools.chain.from_iterable(paths_of(config).values())
    read = (config.ingest, *config.evaluation_sets.values())
    with as_config_error():
        for each in read:
            check_shards(each)
        found = [*map(fingerprint, read), *map(content_of, paths)]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()
